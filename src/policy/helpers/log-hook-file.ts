/**
 * Files of log hooks: how they look, and what one hook in them is. The idea: a hook is the options
 * of `setup.logHook`, and beside them, as in the reference's helper, `log_parameters` (what records
 * carry) and `queue_config` (how failed batches are tried again).
 * It does not know who reads the hooks, and it opens no connection.
 */
import { OptionError } from '../../domain/option-error.ts';
import { mapOf, tableOf } from '../../domain/option-kinds.ts';
import type { Kind, OptionTable } from '../../domain/options.ts';
import { isTable, optional, readOptions } from '../../domain/options.ts';
import { HOOK_OPTIONS, parseHookConfig } from '../../domain/options-hook.ts';
import { QUEUE_OPTIONS } from '../../domain/options-queue.ts';
import type { QueueOptions } from '../hooks.ts';
import type { LogHookOptions } from '../setup-calls.ts';
import type { DataFile, DataTable } from './files.ts';
import { refuseIn } from './files.ts';
import type { Join, Placings } from './origins.ts';
import { answerFrom, layOver, NOTHING_PLACED, placeOptions } from './origins.ts';

const { name: _name, custom: _custom, ...IN_FILES } = HOOK_OPTIONS;
const { meta, headers, per_record, back_pressure, deferred_spool } = HOOK_OPTIONS;

/** What the reference's helper passes on to its log; may as well stand in the hook itself. */
const LOG_PARAMETERS = {
  meta,
  headers,
  per_record,
  back_pressure,
  deferred_spool,
} satisfies OptionTable;

const HELPER_ROWS = {
  log_parameters: optional(tableOf(LOG_PARAMETERS), 'what records carry'),
  queue_config: optional(tableOf(QUEUE_OPTIONS), 'how failed batches are tried again'),
} satisfies OptionTable;

const FILE_OPTIONS = {
  log_hook: optional(mapOf(tableOf({ ...IN_FILES, ...HELPER_ROWS })), 'log hooks by name'),
} satisfies OptionTable;

/** The form of a file of log hooks. */
export const LOG_HOOKS_FILE: Kind<unknown> = tableOf(FILE_OPTIONS);

/** One hook, checked: what `setup.logHook` is told, and what its queue is. */
export interface HelperHook {
  readonly name: string;
  readonly options: LogHookOptions;
  readonly queue: QueueOptions;
}

// The reference's helper says so for every hook, and refreshes when the epoch moves.
const QUEUE_BENEATH: QueueOptions = {
  refresh_strategy: 'Epoch',
  retry_interval: '1m',
  max_retry_interval: '20m',
};

/** Takes a hook apart; `where` names it in a refusal. */
export const readHelperHook = (
  name: unknown,
  given: Readonly<Record<string, unknown>>,
  where: string,
): HelperHook => {
  const { log_parameters = {}, queue_config = {}, ...own } = given;
  return refuseIn(where, () => {
    readOptions(HELPER_ROWS, { log_parameters, queue_config }, '');
    const parameters = isTable(log_parameters) ? log_parameters : {};
    const twice = Object.keys(parameters).find((key) => Object.hasOwn(own, key));
    if (twice !== undefined) {
      const problem = 'stands in the hook as well';
      throw new OptionError('log_parameters', twice, problem, 'keep one of the two');
    }
    const options = { name, ...parameters, ...own };
    const { name: read } = parseHookConfig(options, '');
    const queue = { ...QUEUE_BENEATH, ...(isTable(queue_config) ? queue_config : {}) };
    return { name: read, options: options as LogHookOptions, queue: queue as QueueOptions };
  });
};

// Tables of a hook are joined key by key, everything else stands whole.
const joinOption: Join = (_name, before, after) =>
  isTable(before) && isTable(after) ? { ...before, ...after } : after;

const fileOf = (placings: Placings, key: string): string => {
  const files = [...placings.values()].map(({ origin }) => origin.split(`: ${key}`)[0] ?? '');
  return `${[...new Set(files)].join(' and ')}: ${key}`;
};

/** The hooks of all files, in the order in which they were first named. */
export const joinLogHooks = (files: readonly DataFile[]): readonly HelperHook[] => {
  const hooks = new Map<string, Placings>();
  for (const { name: file, table } of files) {
    refuseIn(file, () => readOptions(FILE_OPTIONS, table, ''));
    for (const [name, options] of Object.entries((table['log_hook'] ?? {}) as DataTable)) {
      const placed = placeOptions(file, `log_hook.'${name}'`, options as DataTable, () => true);
      hooks.set(name, layOver(hooks.get(name) ?? NOTHING_PLACED, placed, joinOption));
    }
  }
  return [...hooks].map(([name, placings]) => {
    // An empty table has no origin, so it is named by its key alone.
    const key = `log_hook.'${name}'`;
    const where = placings.size === 0 ? key : fileOf(placings, key);
    return readHelperHook(name, answerFrom(placings), where);
  });
};
