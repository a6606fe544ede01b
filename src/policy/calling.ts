/**
 * Calling the operator's handlers: nothing they do may stop the engine. A throw, a promise or an
 * unreadable answer becomes a fault told once; a call that took long is told, too, for nothing can
 * interrupt it. Deliberately unknown here: what is asked, and what stands in for a missing answer.
 */
import { OptionError } from '../domain/option-error.ts';
import type { Policy } from './define.ts';
import { handlersOf } from './define.ts';
import type { HandlerName } from './hooks.ts';
import { describeThrown, oneLine } from './policy-error.ts';
import type { PlaceFinder } from './setup.ts';
import { isThenable } from './setup.ts';

/** A handler that failed or was slow; told once per handler and problem. */
export interface PolicyFault {
  readonly handler: HandlerName;
  readonly sentence: string;
  /** It answered, but held everything up. */
  readonly isSlow?: true;
}

/** Who watches the calls; all of it may be left out. */
export interface CallWatch {
  /** A clock that never goes back, ms; without it no call is slow. */
  readonly steadyMs?: () => number;
  /** Told before each call, and '' after it: if it never returns, this one was it. */
  readonly noteHandler?: (handler: HandlerName | '') => void;
}

/** Handlers that are asked while mail flows. */
export type AskedHandler = Exclude<
  HandlerName,
  'init' | 'pre_init' | 'validate_config' | 'prepare'
>;

/** A call that took longer than this is told, ms. */
export const SLOW_MS = 100;

const TOLD_FAULTS_MAX = 256;

/** A handler, called with what it is asked. */
export type AnyHandler = (...args: readonly unknown[]) => unknown;

/** What is asked of the handlers of one name. */
export interface Call<T> {
  readonly handler: AskedHandler;
  readonly args: readonly unknown[];
  /** What is asked about, for sentences. */
  readonly about: string;
  readonly read: (raw: unknown) => T;
}

/** What came of a call: an answer, nothing said, or a fault that was told. */
export type Called<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'fault' };

const NOTHING = { kind: 'nothing' } as const;
const FAULT = { kind: 'fault' } as const;

/** Calls handlers; see `createCaller`. */
export interface Caller {
  has(handler: AskedHandler): boolean;
  find(handler: AskedHandler): readonly AnyHandler[];
  call<T>(call: Call<T>): Called<T>;
  /** Runs what calls a handler; what takes long is told. */
  timed(call: Call<unknown>, run: () => unknown): unknown;
  /** What a handler threw becomes a fault. */
  tellThrown(call: Call<unknown>, thrown: unknown): void;
  tell(handler: AskedHandler, problem: string, sentence: string): void;
}

const callFirst = (handlers: readonly AnyHandler[], args: readonly unknown[]): unknown => {
  for (const handler of handlers) {
    const answer = handler(...args);
    if (isThenable(answer)) {
      // Its own failure, if any, is of no interest any more and must not end the process.
      answer.then(undefined, () => undefined);
      throw new Error('it returned a promise, but handlers answer at once');
    }
    if (answer !== undefined) return answer;
  }
  return undefined;
};

class PolicyCaller implements Caller {
  readonly #policy: Policy;
  readonly #onFault: (fault: PolicyFault) => void;
  readonly #findPlace: PlaceFinder;
  readonly #watch: CallWatch;
  readonly #handlers = new Map<AskedHandler, readonly AnyHandler[]>();
  readonly #told = new Set<string>();

  constructor(
    policy: Policy,
    onFault: (fault: PolicyFault) => void,
    findPlace: PlaceFinder,
    watch: CallWatch,
  ) {
    this.#policy = policy;
    this.#onFault = onFault;
    this.#findPlace = findPlace;
    this.#watch = watch;
  }

  has(handler: AskedHandler): boolean {
    return this.find(handler).length > 0;
  }

  call<T>(call: Call<T>): Called<T> {
    const handlers = this.find(call.handler);
    if (handlers.length === 0) return NOTHING;
    try {
      const raw = this.timed(call, () => callFirst(handlers, call.args));
      return raw === undefined ? NOTHING : { kind: 'answer', value: call.read(raw) };
    } catch (thrown) {
      this.tellThrown(call, thrown);
      return FAULT;
    }
  }

  tellThrown({ handler, about }: Call<unknown>, thrown: unknown): void {
    const problem = describeThrown(thrown);
    const place = this.#findPlace(thrown, handler);
    const what =
      thrown instanceof OptionError ? problem : `${handler} failed for ${about}: ${problem}`;
    const key = thrown instanceof OptionError ? `${thrown.key} ${thrown.problem}` : problem;
    this.tell(handler, key, place === '' ? what : `${place}: ${what}`);
  }

  tell(handler: AskedHandler, problem: string, sentence: string): void {
    this.#tell({ handler, sentence: oneLine(sentence) }, problem);
  }

  timed({ handler, about }: Call<unknown>, run: () => unknown): unknown {
    const { steadyMs, noteHandler } = this.#watch;
    const startedMs = steadyMs?.() ?? 0;
    noteHandler?.(handler);
    try {
      return run();
    } finally {
      noteHandler?.('');
      const tookMs = (steadyMs?.() ?? 0) - startedMs;
      if (tookMs > SLOW_MS) this.#tellSlow(handler, about, tookMs);
    }
  }

  #tellSlow(handler: AskedHandler, about: string, tookMs: number): void {
    const took = `${handler} took ${Math.round(tookMs)} ms for ${about}`;
    const sentence = `${took}; no mail moves meanwhile, keep handlers below ${SLOW_MS} ms`;
    this.#tell({ handler, sentence: oneLine(sentence), isSlow: true }, 'is slow');
  }

  #tell(fault: PolicyFault, problem: string): void {
    const id = `${fault.handler} ${problem}`;
    if (this.#told.has(id)) return;
    if (this.#told.size >= TOLD_FAULTS_MAX) this.#told.clear();
    this.#told.add(id);
    this.#onFault(fault);
  }

  find(name: AskedHandler): readonly AnyHandler[] {
    const known = this.#handlers.get(name);
    if (known !== undefined) return known;
    const found = handlersOf(this.#policy, name) as readonly AnyHandler[];
    this.#handlers.set(name, found);
    return found;
  }
}

/** A caller of the handlers of `policy`; `onFault` hears of each fault once. */
export const createCaller = (
  policy: Policy,
  onFault: (fault: PolicyFault) => void,
  findPlace: PlaceFinder,
  watch: CallWatch,
): Caller => new PolicyCaller(policy, onFault, findPlace, watch);
