/**
 * The policy as log hooks ask it, in the thread that ships: how a hook's queue and path are shaped,
 * and who takes a record. A handler that fails loses nothing: the last good shape stands in, and
 * the record is sent. Deliberately unknown here: the log, sinks, when a shape is asked for again.
 */
import { freezeDeep } from '../domain/freeze-deep.ts';
import { hookDomain } from '../domain/hook-name.ts';
import { OptionError, showValue } from '../domain/option-error.ts';
import { UNSPECIFIED } from '../domain/options-egress.ts';
import { makeHookShape, parseHookPath, parseHookQueue } from '../domain/options-hook-shape.ts';
import type { HookShape } from '../projections/hook.ts';
import type { LogRecord } from '../projections/log-record/record.ts';
import { createAsk } from './ask.ts';
import type { Caller, CallWatch, PolicyFault } from './calling.ts';
import { createCaller } from './calling.ts';
import type { Policy } from './define.ts';
import type { PlaceFinder } from './setup.ts';

/**
 * What the policy says of a record for a hook: true or undefined lets it through, false does not,
 * a text names the one hook that takes it.
 */
export type EnqueueAnswer = boolean | string | undefined;

/** The questions of log hooks. */
export interface HookAsker {
  /** How the hook is shaped just now; asked anew each time. */
  shapeOf(name: string): HookShape;
  /** False: no part has `should_enqueue_log_record`, so nobody needs to be asked. */
  readonly hasFilter: boolean;
  /** Freezes `record` and asks; undefined, too, where the handler failed. */
  shouldEnqueue(record: LogRecord, name: string): EnqueueAnswer;
}

/** Whom to tell, and what to measure with; all of it may be left out. */
export interface HookAskerParts {
  readonly onFault?: (fault: PolicyFault) => void;
  readonly findPlace?: PlaceFinder;
  readonly watch?: CallWatch;
}

const NO_HOSTS: readonly string[] = Object.freeze([]);
const QUEUE = parseHookQueue({}, 'default');
const PATH = parseHookPath({}, 'default');
const ENQUEUE = 'should_enqueue_log_record';

const createShapeFinder = (caller: Caller): HookAsker['shapeOf'] => {
  const ask = createAsk(caller);
  const valueOr = <T>(answer: { value: T } | 'unknown' | undefined, standard: T): T =>
    answer === undefined || answer === 'unknown' ? standard : answer.value;
  return (name) => {
    const about = hookDomain(name);
    const named = [about, undefined, undefined, undefined];
    const queue = ask(
      { handler: 'get_queue_config', args: named, id: about, about, read: parseHookQueue },
      true,
    );
    const args = [about, UNSPECIFIED, about, NO_HOSTS];
    const path = ask(
      { handler: 'get_egress_path_config', args, id: about, about, read: parseHookPath },
      true,
    );
    return makeHookShape(valueOr(queue, QUEUE), valueOr(path, PATH));
  };
};

const readEnqueue = (raw: unknown, names: readonly string[], about: string): EnqueueAnswer => {
  if (typeof raw === 'boolean') return raw;
  if (typeof raw === 'string' && names.includes(raw)) return raw;
  const problem = `${showValue(raw)} is neither true, false nor the name of a log hook`;
  throw new OptionError(`${ENQUEUE} for ${about}`, '', problem, `the hooks: ${names.join(', ')}`);
};

/** Asks `policy` for the hooks of these names. */
export const createHookAsker = (
  policy: Policy,
  names: readonly string[],
  { onFault = () => {}, findPlace = () => '', watch = {} }: HookAskerParts = {},
): HookAsker => {
  const caller = createCaller(policy, onFault, findPlace, watch);
  return {
    shapeOf: createShapeFinder(caller),
    hasFilter: caller.has(ENQUEUE),
    shouldEnqueue(record, name) {
      const called = caller.call({
        handler: ENQUEUE,
        args: [freezeDeep(record), name],
        about: `the log hook ${name}`,
        read: (raw) => readEnqueue(raw, names, `the log hook ${name}`),
      });
      return called.kind === 'answer' ? called.value : undefined;
    },
  };
};
