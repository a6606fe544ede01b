/**
 * The options of local log files (configure_local_logs). The idea: a logger is a reader of the log
 * like a hook, whose sink is a directory; so it has a name, a place to begin and a retention too.
 * Deliberately unknown here: files, compression, templates' language.
 */
import type { LogRecord } from '../projections/log-record/record.ts';
import { hookName } from './hook-name.ts';
import { OptionValueError, showValue } from './option-error.ts';
import { duration, flag, listOf, plain, positive, text, wholeNumber } from './option-kinds.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, option, optional, readOptions, required } from './options.ts';
import type { HookConfig } from './options-hook.ts';
import { READING_ROWS, readReading } from './options-hook.ts';
import { perRecordOf, readTemplates, settingsFor, templateText } from './options-per-record.ts';
import { RECORD_TYPES } from './record-type.ts';

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
export type RecordFilter = (record: LogRecord) => unknown;

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
  template: optional(templateText, 'how a line is written; JSON of the record without it'),
  segment_header: optional(
    templateText,
    'written as it is where a segment begins; no line end is added',
  ),
} satisfies OptionTable;

const NOT_NEEDED = 'the event log is the queue: nothing is held in memory and nobody waits';
const NEVER_WAITS =
  'a full log directory never holds mail up: records wait in the event log until there is room';

/** The table behind parseLocalLogs. */
export const LOCAL_LOG_OPTIONS = {
  log_dir: required(text, 'directory of the segments; made when it is missing'),
  name: optional(hookName, 'what `waybill hooks` calls it; made of the log_dir without it'),
  max_file_size: option(positive, 1_000_000_000, 'octets before compression; then a new segment'),
  max_segment_duration: optional(duration, 'age at which a segment is complete'),
  compression_level: option(wholeNumber(0, 21), 0, 'of zstd, 1 to 21; 0 is its default, 3'),
  meta: option(listOf(text), [], 'metadata to be captured; a name may end in *'),
  headers: option(listOf(text), [], 'header fields to be captured; a name may end in *'),
  per_record: option(perRecordOf(PER_RECORD_FILE_OPTIONS), {}, 'what differs by type of record'),
  ...READING_ROWS,
  filter_event: optional(filterFunction, 'asked for each record but Rejection; not true: left out'),
  back_pressure: inert(positive, NOT_NEEDED),
  min_free_space: inert(plain, NEVER_WAITS),
  min_free_inodes: inert(plain, NEVER_WAITS),
} satisfies OptionTable;

/** The style of one record type. */
export type RecordFileStyle = Parsed<typeof PER_RECORD_FILE_OPTIONS>;

/** The settings of a logger's files. */
export type LocalLogsConfig = Parsed<typeof LOCAL_LOG_OPTIONS>;

const BATCH_RECORDS = 1_000;
/** How long a record waits for others before it is compressed and flushed. */
const BATCH_LATENCY_MS = 1_000;
const NAME_CHARS_MAX = 63;

/** The name of a logger that was given none: its directory, as far as names allow. */
const nameOfDirectory = (dir: string): string => {
  const name = dir.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+|-+$/g, '');
  return name.slice(-NAME_CHARS_MAX).replace(/^[^A-Za-z0-9]+/, '') || 'logs';
};

/** Reads a logger; `where` names it in a refusal. */
export function parseLocalLogs(raw: unknown, where: string): HookConfig {
  const config = readOptions(LOCAL_LOG_OPTIONS, raw, where);
  const types = RECORD_TYPES.filter(
    (type) => settingsFor(config.per_record, type)?.enable !== false,
  );
  return Object.freeze({
    name: config.name ?? nameOfDirectory(config.log_dir),
    filter: Object.freeze({ types: new Set(types) }),
    batching: Object.freeze({
      batchSize: BATCH_RECORDS,
      minBatchSize: BATCH_RECORDS,
      maxBatchLatencyMs: BATCH_LATENCY_MS,
    }),
    capture: Object.freeze({ meta: config.meta, headers: config.headers }),
    templates: readTemplates(config.per_record),
    ...readReading(config),
    disableAfterMs: undefined,
    sink: Object.freeze({ kind: 'files', config }),
  });
}
