/**
 * What a policy sets up: its `init` handlers run once against a collector, which only writes down.
 * So the same policy can be asked in a loader, a canary and a test without opening anything.
 * It does not know sockets.
 */
import { OptionError } from '../domain/option-error.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import { parseListenerConfig } from '../domain/options-listener.ts';
import type { Policy } from './define.ts';
import { handlersOf } from './define.ts';
import type { Setup } from './hooks.ts';
import { describeThrown, isPolicyError, PolicyError } from './policy-error.ts';

/** What the `init` handlers asked for. */
export interface PolicySetup {
  readonly smtpListeners: readonly ListenerConfig[];
}

/** Says where in the policy something was thrown: `file:line:column`, or ''. */
export type PlaceFinder = (thrown: unknown) => string;

const LISTENERS_MAX = 256;

const unavailable = (method: string): PolicyError =>
  new PolicyError(
    '',
    `setup.${method} is not available in this version`,
    `remove the call of setup.${method}`,
  );

interface Collector {
  readonly setup: Setup;
  readonly smtpListeners: ListenerConfig[];
  close(): void;
}

const createCollector = (): Collector => {
  const smtpListeners: ListenerConfig[] = [];
  let isOpen = true;
  const checkOpen = (method: string): void => {
    if (isOpen) return;
    const problem = `setup.${method} was called after init had ended`;
    throw new PolicyError('', problem, 'call it inside init, without waiting');
  };
  const setup: Setup = {
    smtpListener: (options) => {
      checkOpen('smtpListener');
      const config = parseListenerConfig(options, 'setup.smtpListener');
      const { address, port } = config.listen;
      const isTaken = smtpListeners.some(
        ({ listen }) => port !== 0 && listen.address === address && listen.port === port,
      );
      if (isTaken || smtpListeners.length >= LISTENERS_MAX) {
        const problem = isTaken ? 'is used by two listeners' : 'is one listener too many';
        throw new OptionError('setup.smtpListener', 'listen', problem, 'remove one of them');
      }
      smtpListeners.push(config);
    },
    httpListener: () => {
      throw unavailable('httpListener');
    },
    logHook: () => {
      throw unavailable('logHook');
    },
  };
  return {
    setup: Object.freeze(setup),
    smtpListeners,
    close: () => {
      isOpen = false;
    },
  };
};

const refuse = (thrown: unknown, place: string): PolicyError => {
  if (isPolicyError(thrown)) return new PolicyError(place, thrown.problem, thrown.fix);
  if (thrown instanceof OptionError) {
    const what = `${thrown.where}: ${thrown.key === '' ? '' : `${thrown.key}: `}${thrown.problem}`;
    return new PolicyError(place, what, thrown.fix);
  }
  const problem = `init threw: ${describeThrown(thrown)}`;
  return new PolicyError(place, problem, 'correct the handler');
};

/** True for a promise, or what would be taken for one. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

/** Runs every `init` of the policy; throws PolicyError. */
export const runSetup = (policy: Policy, findPlace: PlaceFinder = () => ''): PolicySetup => {
  const inits = handlersOf(policy, 'init');
  const collector = createCollector();
  const fix = 'write init(setup) { setup.smtpListener({ listen: "127.0.0.1:2025" }); }';
  if (inits.length === 0) {
    throw new PolicyError('', 'no part of the policy has an init handler', fix);
  }
  for (const init of inits) {
    let answer: unknown;
    try {
      answer = init(collector.setup);
    } catch (thrown) {
      throw refuse(thrown, findPlace(thrown));
    }
    if (isThenable(answer)) {
      answer.then(undefined, () => undefined);
      throw new PolicyError('', 'init returned a promise', 'make init a plain function');
    }
  }
  collector.close();
  if (collector.smtpListeners.length === 0) {
    throw new PolicyError('', 'init set up no listener, so no mail could come in', fix);
  }
  return { smtpListeners: Object.freeze(collector.smtpListeners) };
};
