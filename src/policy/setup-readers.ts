/**
 * What `init` sets up of readers of the log: hooks, and loggers that write files.
 * The one idea: they share their names, by which operators and cursors know them.
 * Deliberately unknown here: sinks, and what a reader does.
 */
import { OptionError } from '../domain/option-error.ts';
import type { HookConfig } from '../domain/options-hook.ts';
import { parseHookConfig } from '../domain/options-hook.ts';
import { parseLocalLogs } from '../domain/options-local-logs.ts';

const LOG_HOOKS_MAX = 64;

/** Those there are, and the hook that `setup.logHook` was given. */
export function addedHook(known: readonly HookConfig[], options: unknown): readonly HookConfig[] {
  const where = 'setup.logHook';
  return added(known, parseHookConfig(options, where), where);
}

/** Those there are, and the logger that `setup.localLogs` was given. */
export function addedLogs(known: readonly HookConfig[], options: unknown): readonly HookConfig[] {
  const where = 'setup.localLogs';
  return added(known, parseLocalLogs(options, where), where);
}

/** Refuses a name that is used twice, however it is written, and one too many. */
function added(
  known: readonly HookConfig[],
  hook: HookConfig,
  where: string,
): readonly HookConfig[] {
  const isTaken = known.some(({ name }) => name.toLowerCase() === hook.name.toLowerCase());
  if (isTaken || known.length >= LOG_HOOKS_MAX) {
    const problem = isTaken ? `'${hook.name}' is used by two hooks` : 'is one hook too many';
    throw new OptionError(where, 'name', problem, 'rename or remove one of them');
  }
  return Object.freeze([...known, hook]);
}
