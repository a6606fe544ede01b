/**
 * Helper `logHooks`: log hooks from data files, or one by one as the reference's `log_hooks:new`
 * and `log_hooks:new_json` have them. The idea: a part that sets the hooks up and answers
 * `get_queue_config` for their queues; shaping is where all shaping is.
 * It does not know how records are sent. `filter` says what to leave out, as there.
 */

import { hookDomain } from '../../domain/hook-name.ts';
import type { CustomSinkSource } from '../../domain/hook-sinks.ts';
import { OptionError, showValue } from '../../domain/option-error.ts';
import type { OptionTable } from '../../domain/options.ts';
import { readOptions, required } from '../../domain/options.ts';
import type { LogRecord } from '../../projections/log-record/record.ts';
import type { OptionValue, PolicyPart } from '../hooks.ts';
import type { LogHookOptions } from '../setup-calls.ts';
import { normalDomain } from './domain-map.ts';
import type { DataSource } from './files.ts';
import { dataSources, readDataFiles, refuseIn } from './files.ts';
import type { HelperHook } from './log-hook-file.ts';
import { joinLogHooks, readHelperHook } from './log-hook-file.ts';

/** What `logHooks` is given. */
export interface LogHooksSettings {
  readonly files: readonly DataSource[];
}

/** True for a record that the hook is not to be sent. */
export type LogHookFilter = (record: LogRecord, hook_name: string) => boolean;

/** One hook in code. */
export interface LogHookSettings extends LogHookOptions {
  readonly name: string;
  readonly log_parameters?: { readonly [option: string]: OptionValue | undefined };
  readonly queue_config?: { readonly [option: string]: OptionValue | undefined };
  readonly custom?: CustomSinkSource;
  /** Answers true for what is left out. */
  readonly filter?: LogHookFilter;
}

/** One hook that posts JSON. */
export interface JsonHookSettings extends LogHookSettings {
  readonly url: string;
}

interface FilteredHook extends HelperHook {
  readonly filter?: LogHookFilter | undefined;
}

const HELPER_OPTIONS = {
  files: required(dataSources, 'files of log hooks'),
} satisfies OptionTable;

const filterHandler = (hooks: readonly FilteredHook[]): PolicyPart => {
  const filters = new Map(hooks.flatMap(({ name, filter }) => (filter ? [[name, filter]] : [])));
  // A part without the handler costs nothing.
  if (filters.size === 0) return {};
  return {
    should_enqueue_log_record(record, hookName) {
      const filter = filters.get(hookName);
      return filter === undefined ? undefined : filter(record, hookName) !== true;
    },
  };
};

const partOf = (hooks: readonly FilteredHook[]): PolicyPart => {
  const queues = new Map(hooks.map(({ name, queue }) => [hookDomain(name), Object.freeze(queue)]));
  return {
    init(setup) {
      for (const { options } of hooks) setup.logHook(options);
    },
    get_queue_config: (domain) => queues.get(normalDomain(domain)),
    ...filterHandler(hooks),
  };
};

const fromFiles = (settings: LogHooksSettings): PolicyPart => {
  const { files } = refuseIn('logHooks()', () => readOptions(HELPER_OPTIONS, settings, ''));
  return partOf(joinLogHooks(readDataFiles(files)));
};

const one = (where: string, { name, filter, ...given }: LogHookSettings): PolicyPart => {
  refuseIn(where, () => {
    if (filter === undefined || typeof filter === 'function') return;
    const fix = "write filter: (record) => record.type === 'Delayed'";
    throw new OptionError('', 'filter', `${showValue(filter)} is not a function`, fix);
  });
  return partOf([{ ...readHelperHook(name, given, where), filter }]);
};

const json = (settings: JsonHookSettings): PolicyPart => one('logHooks.json()', settings);
const any = (settings: LogHookSettings): PolicyPart => one('logHooks.new()', settings);

/**
 * Log hooks: `logHooks({ files: ['log-hooks.toml'] })` for those in files,
 * `logHooks.json({ name, url })` for one that posts JSON, `logHooks.new({ name, … })` for others.
 */
export const logHooks = Object.assign(fromFiles, { json, new: any });
