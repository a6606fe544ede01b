/**
 * Who takes a record: what the policy says for one hook may concern another. The idea: where for
 * any hook a name is answered, only the hook of that name takes the record; so all hooks that would
 * take it are asked once, and the answer is remembered while the others come by.
 * Deliberately unknown here: the policy, how hooks filter by themselves, cursors.
 */
import { Recent } from '../domain/recent.ts';
import type { LogRecord } from './log-record/record.ts';

/** One hook, and what it takes by its own lists. */
export interface ChoosableHook {
  readonly name: string;
  readonly passes: (record: LogRecord) => boolean;
}

/** The policy's word for one hook, see `EnqueueAnswer`. */
export type AskEnqueue = (record: LogRecord, name: string) => boolean | string | undefined;

/** Hooks are seldom further apart than this many records; who is asks again. */
const REMEMBERED_MAX = 8_192;

/**
 * Says whether the hook of that name takes a record. Records are shown to the policy as they come,
 * so they must be the same for all hooks: not yet cut down to what one of them captures.
 */
export function createHookChoice(
  hooks: readonly ChoosableHook[],
  ask: AskEnqueue,
): (record: LogRecord, name: string) => boolean {
  const [only, ...others] = hooks;
  if (only !== undefined && others.length === 0) {
    return (record, name) => isTaken(ask(record, name), name);
  }
  const known = new Recent<ReadonlySet<string>>(REMEMBERED_MAX);
  return (record, name) => {
    const takers = known.get(record.event_id) ?? findTakers(hooks, ask, record);
    known.set(record.event_id, takers);
    return takers.has(name);
  };
}

const isTaken = (answer: boolean | string | undefined, name: string): boolean =>
  typeof answer === 'string' ? answer === name : answer !== false;

function findTakers(
  hooks: readonly ChoosableHook[],
  ask: AskEnqueue,
  record: LogRecord,
): ReadonlySet<string> {
  const takers = new Set<string>();
  for (const { name, passes } of hooks) {
    if (!passes(record)) continue;
    const answer = ask(record, name);
    if (typeof answer === 'string') return new Set([answer]);
    if (answer !== false) takers.add(name);
  }
  return takers;
}
