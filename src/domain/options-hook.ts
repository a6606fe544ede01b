/**
 * The options of a log hook (configure_log_hook, and what the reference's helper adds): what it
 * takes of the log, how it batches, where it begins, what may be lost, and exactly one sink. A
 * refusal names key and fix, and never shows what a sink was given: that may hold secrets.
 * Deliberately unknown here: sinks themselves, cursors, policy handlers.
 */
import type { Ms } from '../ports/ports.ts';
import type { HookBatching, HookFilter, HookRetention, HookStart } from '../projections/hook.ts';
import { hookName } from './hook-name.ts';
import type { HookSink } from './hook-sinks.ts';
import { readHookSink, SINK_OPTIONS } from './hook-sinks.ts';
import { moment } from './instant.ts';
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import {
  duration,
  flag,
  listOf,
  oneOf,
  positive,
  tableOf,
  text,
  wholeNumber,
} from './option-kinds.ts';
import { isHostName } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, option, optional, readOptions, required } from './options.ts';
import { perRecordOf, readTemplates, settingsFor, templateText } from './options-per-record.ts';
import type { RecordType } from './record-type.ts';
import { RECORD_TYPES } from './record-type.ts';

/** Records in one batch, at most: what a sink must be able to hold in memory. */
export const BATCH_RECORDS_MAX = 10_000;

const NAMES_MAX = 1_000;
const BYTES_MIN = 1_048_576;
const RETAINED_BYTES = 10_000_000_000;
const ONLY_FILES = 'a hook writes no files; only local logs have this';
const THE_LOG = 'the log itself is the queue, so nothing in memory can overflow';

/** A list of bounded length without repetitions. */
const namesOf = <T>(kind: Kind<T>): Kind<readonly T[]> => {
  const list = listOf(kind);
  return {
    ...list,
    read(value) {
      const names = list.read(value);
      if (names.length > NAMES_MAX) {
        throw new OptionValueError(`it has ${names.length} entries`, `give at most ${NAMES_MAX}`);
      }
      return Object.freeze([...new Set(names)]);
    },
  };
};

const domain: Kind<string> = {
  name: 'domain',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    if (typeof value === 'string' && isHostName(value)) {
      return value.toLowerCase().replace(/\.$/, '');
    }
    const fix = 'write whole domains, as in "example.com"';
    throw new OptionValueError(`${showValue(value)} is not a domain`, fix);
  },
};

/** What differs by type of record. */
export const PER_RECORD_HOOK_OPTIONS = {
  enable: option(flag, true, 'whether records of this type are sent'),
  template: optional(templateText, 'what is sent in place of the JSON record'),
  suffix: inert(text, ONLY_FILES),
  log_dir: inert(text, ONLY_FILES),
  segment_header: inert(text, ONLY_FILES),
} satisfies OptionTable;

const start: Kind<HookStart> = {
  name: 'beginning, now or RFC 3339 time',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    if (value === 'beginning' || value === 'now') return value;
    try {
      return Object.freeze({ at: moment.read(value) });
    } catch {
      const fix = "use 'beginning', 'now' or a time like '2026-11-22T15:00:00Z'";
      throw new OptionValueError(`${showValue(value)} is nowhere to start`, fix);
    }
  },
};

const retainedBytes: Kind<number> = wholeNumber(BYTES_MIN, Number.MAX_SAFE_INTEGER);

const RETENTION_OPTIONS = {
  max_age: option(duration, '7 days', 'records older than this fall off, sent or not'),
  max_bytes: option(retainedBytes, RETAINED_BYTES, 'log kept for this hook alone, in octets'),
} satisfies OptionTable;

/** Who asks for records out of order must not silently be given another thing. */
const inOrder: Kind<'hook'> = {
  name: 'hook',
  schema: { const: 'hook' },
  read(value) {
    if (value === 'hook') return value;
    const problem = `${showValue(value)} is not supported: records go in order`;
    throw new OptionValueError(problem, "remove it, or write 'hook'");
  },
};

/** What every reader of the log can be told. */
export const READING_ROWS = {
  start: option(start, 'now', 'where one begins that was not there before'),
  retention: option(tableOf(RETENTION_OPTIONS), {}, 'what may be lost while the sink is away'),
} satisfies OptionTable;

/** The table behind parseHookConfig. */
export const HOOK_OPTIONS = {
  name: required(hookName, 'names the hook; `<name>.log_hook` is the domain of its shaping'),
  ...SINK_OPTIONS,
  types: optional(namesOf(oneOf(...RECORD_TYPES)), 'types of records it takes; all without it'),
  tenants: optional(namesOf(text), 'tenants whose records it takes; all without it'),
  campaigns: optional(namesOf(text), 'campaigns whose records it takes; all without it'),
  domains: optional(namesOf(domain), 'domains of recipients it takes; all without it'),
  per_record: option(perRecordOf(PER_RECORD_HOOK_OPTIONS), {}, 'what differs by type of record'),
  meta: option(namesOf(text), [], 'metadata that its records carry; `name*` for all that begin so'),
  headers: option(namesOf(text), [], 'headers that its records carry, kept at reception'),
  batch_size: option(wholeNumber(1, BATCH_RECORDS_MAX), 1, 'records sent at a time, at most'),
  min_batch_size: option(wholeNumber(1, BATCH_RECORDS_MAX), 1, 'records a batch waits for'),
  max_batch_latency: option(duration, '0s', 'how long it waits for them'),
  ...READING_ROWS,
  disable_after: optional(duration, 'a spell of nothing but refusals, then the hook is disabled'),
  ordering: option(inOrder, 'hook', 'records of a hook go one batch after the other, in order'),
  back_pressure: inert(positive, THE_LOG),
  deferred_spool: inert(flag, 'records are read from the log; nothing is spooled for a hook'),
} satisfies OptionTable;

/** Names of metadata and headers that records carry; a name that ends in `*` is a beginning. */
export interface CaptureLists {
  readonly meta: readonly string[];
  readonly headers: readonly string[];
}

/** A log hook as `setup.logHook` asked for it. A custom sink is code: it stays in its thread. */
export interface HookConfig {
  readonly name: string;
  readonly filter: HookFilter;
  readonly batching: HookBatching;
  readonly capture: CaptureLists;
  /** Sources of templates, for the types that have one. */
  readonly templates: ReadonlyMap<RecordType, string>;
  readonly retention: HookRetention;
  readonly start: HookStart;
  /** Undefined: it is never disabled. */
  readonly disableAfterMs: Ms | undefined;
  readonly sink: HookSink;
}

type HookOptions = Parsed<typeof HOOK_OPTIONS>;

/** Reads a log hook; `where` names it in a refusal. */
export function parseHookConfig(raw: unknown, where: string): HookConfig {
  const given = readOptions(HOOK_OPTIONS, raw, where);
  const place = where === '' ? '' : `${where} '${given.name}'`;
  return Object.freeze({
    name: given.name,
    filter: readFilter(given, place),
    batching: readBatching(given, place),
    capture: Object.freeze({ meta: given.meta, headers: given.headers }),
    templates: readTemplates(given.per_record),
    ...readReading(given),
    disableAfterMs: given.disable_after,
    sink: readHookSink(given, place),
  });
}

/** Where a reader begins, and what may be lost. */
export const readReading = ({
  start: from,
  retention,
}: Parsed<typeof READING_ROWS>): Pick<HookConfig, 'start' | 'retention'> => ({
  start: from,
  retention: Object.freeze({ maxAgeMs: retention.max_age, maxBytes: retention.max_bytes }),
});

function readFilter(given: HookOptions, where: string): HookFilter {
  const { tenants, campaigns, domains } = given;
  const asked = given.types ?? RECORD_TYPES;
  const types = asked.filter((type) => settingsFor(given.per_record, type)?.enable !== false);
  for (const key of ['types', 'tenants', 'campaigns', 'domains'] as const) {
    if (given[key]?.length !== 0) continue;
    throw new OptionError(where, key, 'is empty, so nothing would be sent', 'fill or remove it');
  }
  if (types.length === 0) {
    const problem = 'switches every type of record off';
    throw new OptionError(where, 'per_record', problem, 'enable one, or remove the hook');
  }
  return Object.freeze({
    types: new Set(types),
    ...(tenants && { tenants: new Set(tenants) }),
    ...(campaigns && { campaigns: new Set(campaigns) }),
    ...(domains && { domains: new Set(domains) }),
  });
}

function readBatching(given: HookOptions, where: string): HookBatching {
  const { batch_size: batchSize, min_batch_size: minBatchSize } = given;
  if (minBatchSize > batchSize) {
    const problem = `${minBatchSize} is more than the batch_size of ${batchSize}`;
    throw new OptionError(where, 'min_batch_size', problem, 'raise batch_size, or lower it');
  }
  return Object.freeze({ batchSize, minBatchSize, maxBatchLatencyMs: given.max_batch_latency });
}

/** All that any of these lists asks for, without repetitions: what reception must keep. */
export function joinCaptureLists(lists: readonly CaptureLists[]): CaptureLists {
  const join = (key: keyof CaptureLists): readonly string[] =>
    Object.freeze([...new Set(lists.flatMap((list) => list[key]))]);
  return Object.freeze({ meta: join('meta'), headers: join('headers') });
}
