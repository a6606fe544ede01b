/**
 * The options of local log files (configure_local_logs). The idea: every record type finds its own
 * style, else that of `Any`, else the logger's; a style of its own takes nothing over from `Any`.
 * Deliberately unknown here: files, compression, templates' language.
 */
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import {
  duration,
  flag,
  listOf,
  mapOf,
  plain,
  positive,
  tableOf,
  text,
  wholeNumber,
} from './option-kinds.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, option, optional, readOptions, required } from './options.ts';

/** Text that may span lines: a template, or what a segment begins with. */
const source: Kind<string> = {
  name: 'text of one or more lines',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
    throw new OptionValueError(`${showValue(value)} is not a text`, 'give a text in quotes');
  },
};

const SUFFIX = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9_.@+/-]{1,128}$/;

/** What is added to a segment's name; may name folders below the log directory. */
const suffix: Kind<string> = {
  name: 'suffix of a file name',
  schema: { type: 'string', pattern: SUFFIX.source },
  read(value) {
    if (typeof value === 'string' && SUFFIX.test(value)) return value;
    const fix = "use up to 128 letters, digits and _ . @ + - /, without '..'";
    throw new OptionValueError(`${showValue(value)} is not a suffix of file names`, fix);
  },
};

/** A decision about one record, as `filter_event` makes it. */
export type RecordFilter = (record: Readonly<Record<string, unknown>>) => unknown;

const filterFunction: Kind<RecordFilter> = {
  name: 'function of a record',
  read(value) {
    if (typeof value === 'function') return value as RecordFilter;
    const fix = "write filter_event: (record) => record.type !== 'Reception'";
    throw new OptionValueError(`${showValue(value)} is not a function`, fix);
  },
};

/** How the records of one type are written. */
export const PER_RECORD_FILE_OPTIONS = {
  suffix: optional(suffix, "added to the segment's name, so that such records get files of theirs"),
  log_dir: optional(text, 'another directory'),
  enable: option(flag, true, 'false leaves such records out'),
  template: optional(source, 'how a line is written; JSON of the record without it'),
  segment_header: optional(source, 'written as it is where a segment begins; no line end is added'),
} satisfies OptionTable;

const NOT_NEEDED = 'the event log is the queue: nothing is held in memory and nobody waits';
const NEVER_WAITS =
  'a full log directory never holds mail up: records wait in the event log until there is room';

/** The table behind parseLocalLogs. */
export const LOCAL_LOG_OPTIONS = {
  log_dir: required(text, 'directory of the segments; made when it is missing'),
  name: optional(text, 'what the reader is called in `waybill hooks`; the log_dir without it'),
  max_file_size: option(positive, 1_000_000_000, 'octets before compression; then a new segment'),
  max_segment_duration: optional(duration, 'age at which a segment is complete'),
  compression_level: option(wholeNumber(0, 21), 0, 'of zstd, 1 to 21; 0 is its default, 3'),
  meta: option(listOf(text), [], 'metadata to be captured; a name may end in *'),
  headers: option(listOf(text), [], 'header fields to be captured; a name may end in *'),
  per_record: option(mapOf(tableOf(PER_RECORD_FILE_OPTIONS)), {}, 'by record type, or Any'),
  filter_event: optional(filterFunction, 'asked for each record but Rejection; not true: left out'),
  back_pressure: inert(positive, NOT_NEEDED),
  min_free_space: inert(plain, NEVER_WAITS),
  min_free_inodes: inert(plain, NEVER_WAITS),
} satisfies OptionTable;

/** The style of one record type. */
export type RecordFileStyle = Parsed<typeof PER_RECORD_FILE_OPTIONS>;

/** A logger's settings. */
export type LocalLogsConfig = Parsed<typeof LOCAL_LOG_OPTIONS> & { readonly name: string };

/** Reads the settings of a logger; `types` are the record types that `per_record` may name. */
export function parseLocalLogs(
  raw: unknown,
  where: string,
  types: readonly string[],
): LocalLogsConfig {
  const config = readOptions(LOCAL_LOG_OPTIONS, raw, where);
  const known = [...types, 'Any'];
  const unknown = Object.keys(config.per_record).find((type) => !known.includes(type));
  if (unknown !== undefined) {
    const fix = `use ${known.join(', ')}`;
    throw new OptionError(where, `per_record.${unknown}`, 'is not a record type', fix);
  }
  return Object.freeze({ ...config, name: config.name ?? config.log_dir });
}
