/**
 * What a policy sets up: its `init` handlers run once against a collector, which only writes down.
 * So the same policy can be asked in a loader, a canary and a test without opening anything.
 * It does not know sockets.
 */
import type { BounceRules } from '../domain/bounce-rules.ts';
import { OptionError } from '../domain/option-error.ts';
import { duration, flag, listOf, text } from '../domain/option-kinds.ts';
import type { ListenPlace } from '../domain/option-places.ts';
import { locate } from '../domain/options.ts';
import type { CaptureLists, HookConfig } from '../domain/options-hook.ts';
import { joinCaptureLists } from '../domain/options-hook.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import { parseHttpListenerConfig } from '../domain/options-http.ts';
import type { LawGate } from '../domain/options-laws.ts';
import { parseLawGate } from '../domain/options-laws.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import { parseListenerConfig } from '../domain/options-listener.ts';
import type { RedisConfig } from '../domain/options-redis.ts';
import { parseRedisConfig } from '../domain/options-redis.ts';
import type { ThrottleSpec } from '../domain/throttle-spec.ts';
import type { NdrParams } from '../reports/ndr.ts';
import { readBounceRules } from './bounce-rules.ts';
import type { Policy } from './define.ts';
import { handlersOf } from './define.ts';
import type { HandlerName } from './hooks.ts';
import { readInjectRate } from './inject-rate.ts';
import { readNdr } from './ndr-params.ts';
import { describeThrown, isPolicyError, PolicyError } from './policy-error.ts';
import type { Setup } from './setup-calls.ts';
import { addedHook, addedLogs } from './setup-readers.ts';

/** What the `init` handlers asked for. */
export interface PolicySetup {
  readonly smtpListeners: readonly ListenerConfig[];
  readonly httpListeners: readonly HttpListenerConfig[];
  /** Undefined where the policy did not say: then the files it is made of are watched. */
  readonly monitorGlobs: readonly string[] | undefined;
  readonly monitorMs: number;
  /** Undefined: a new version is not held against the laws. */
  readonly lawGate: LawGate | undefined;
  /** Whether MTA-STS policies of receivers are looked for. */
  readonly isMtaStsEnabled: boolean;
  /** Undefined: rates and limits are counted in this process. */
  readonly redisThrottles: RedisConfig | undefined;
  /** The rate of recipients that are injected by HTTP; undefined: there is none. */
  readonly injectRate: ThrottleSpec | undefined;
  /** Hooks and local logs in the order of their set-up; custom sinks are code of the policy. */
  readonly logHooks: readonly HookConfig[];
  /** Undefined: failures are not classified. */
  readonly bounceRules: BounceRules | undefined;
  /** How senders are told of failures; undefined: they are not. */
  readonly ndr: NdrParams | undefined;
}

/** Metadata and headers that reception keeps, because a hook asks for them. */
export const captureListsOf = ({ logHooks }: Pick<PolicySetup, 'logHooks'>): CaptureLists =>
  joinCaptureLists(logHooks.map(({ capture }) => capture));

/**
 * Says where in the policy something was thrown: `file:line:column`, or ''. Of what was not thrown
 * there but is wrong with an answer of `handler`: where that is written, else the policy's file.
 */
export type PlaceFinder = (thrown: unknown, handler?: HandlerName) => string;

const LISTENERS_MAX = 256;
const MONITOR_MS = 10_000;

type Collected = { -readonly [Key in keyof PolicySetup]: PolicySetup[Key] };

interface Collector {
  readonly setup: Setup;
  readonly collected: Collected;
  close(): void;
}

interface Placed {
  readonly listen: ListenPlace;
}

/** Adds a listener to those there are; refuses one that is used twice, or one too many. */
function added<T extends Placed>(known: readonly T[], config: T, where: string): readonly T[] {
  const { address, port } = config.listen;
  const isTaken = known.some(
    ({ listen }) => port !== 0 && listen.address === address && listen.port === port,
  );
  if (isTaken || known.length >= LISTENERS_MAX) {
    const problem = isTaken ? 'is used by two listeners' : 'is one listener too many';
    throw new OptionError(where, 'listen', problem, 'remove one of them');
  }
  return Object.freeze([...known, config]);
}

/** Reads how quotas are shared; refuses a second call. */
function readRedis(options: unknown, known: RedisConfig | undefined): RedisConfig {
  const where = 'setup.redisThrottles';
  if (known === undefined) return parseRedisConfig(options, where);
  throw new OptionError(where, '', 'was called twice', 'keep one of the calls');
}

/** Reads how new versions are checked; refuses a second call. */
function readLawGate(options: unknown, known: LawGate | undefined): LawGate {
  const where = 'setup.checkLaws';
  if (known === undefined) return parseLawGate(options, where);
  throw new OptionError(where, '', 'was called twice', 'keep one of the calls');
}

/** What `init` is given: every call is read at once and written into `collected`. */
const makeSetup = (collected: Collected, checkOpen: (method: string) => void): Setup => ({
  smtpListener: (options) => {
    checkOpen('smtpListener');
    const where = 'setup.smtpListener';
    const config = parseListenerConfig(options, where);
    collected.smtpListeners = added(collected.smtpListeners, config, where);
  },
  httpListener: (options) => {
    checkOpen('httpListener');
    const where = 'setup.httpListener';
    const config = parseHttpListenerConfig(options, where);
    collected.httpListeners = added(collected.httpListeners, config, where);
  },
  configMonitorGlobs: (globs) => {
    checkOpen('configMonitorGlobs');
    collected.monitorGlobs = readGlobs(globs);
  },
  configMonitorInterval: (interval) => {
    checkOpen('configMonitorInterval');
    collected.monitorMs = locate('setup.configMonitorInterval', '', () => duration.read(interval));
  },
  checkLaws: (options) => {
    checkOpen('checkLaws');
    collected.lawGate = readLawGate(options, collected.lawGate);
  },
  mtaStsEnabled: (isEnabled) => {
    checkOpen('mtaStsEnabled');
    collected.isMtaStsEnabled = locate('setup.mtaStsEnabled', '', () => flag.read(isEnabled));
  },
  redisThrottles: (options) => {
    checkOpen('redisThrottles');
    collected.redisThrottles = readRedis(options, collected.redisThrottles);
  },
  httpinjectRecipientRateLimit: (spec) => {
    checkOpen('httpinjectRecipientRateLimit');
    collected.injectRate = readInjectRate(spec);
  },
  logHook: (options) => {
    checkOpen('logHook');
    collected.logHooks = addedHook(collected.logHooks, options);
  },
  localLogs: (options) => {
    checkOpen('localLogs');
    collected.logHooks = addedLogs(collected.logHooks, options);
  },
  ndr: (options) => {
    checkOpen('ndr');
    collected.ndr = readNdr(options, collected.ndr);
  },
  bounceClassifier: (options) => {
    checkOpen('bounceClassifier');
    collected.bounceRules = readBounceRules(options, collected.bounceRules);
  },
});

const createCollector = (): Collector => {
  const collected: Collected = {
    smtpListeners: [],
    httpListeners: [],
    monitorGlobs: undefined,
    monitorMs: MONITOR_MS,
    lawGate: undefined,
    isMtaStsEnabled: true,
    redisThrottles: undefined,
    injectRate: undefined,
    logHooks: [],
    bounceRules: undefined,
    ndr: undefined,
  };
  let isOpen = true;
  const checkOpen = (method: string): void => {
    if (isOpen) return;
    const problem = `setup.${method} was called after init had ended`;
    throw new PolicyError('', problem, 'call it inside init, without waiting');
  };
  const setup = makeSetup(collected, checkOpen);
  return {
    setup: Object.freeze(setup),
    collected,
    close: () => {
      isOpen = false;
    },
  };
};

const refuse = (name: string, thrown: unknown, place: string): PolicyError => {
  if (isPolicyError(thrown)) {
    return new PolicyError(thrown.place || place, thrown.problem, thrown.fix);
  }
  if (thrown instanceof OptionError) {
    const what = `${thrown.where}: ${thrown.key === '' ? '' : `${thrown.key}: `}${thrown.problem}`;
    return new PolicyError(place, what, thrown.fix);
  }
  const problem = `${name} threw: ${describeThrown(thrown)}`;
  return new PolicyError(place, problem, 'correct the handler');
};

/** True for a promise, or what would be taken for one. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

const readGlobs = (globs: unknown): readonly string[] =>
  locate('setup.configMonitorGlobs', '', () => Object.freeze(listOf(text).read(globs)));

/** Runs every `pre_init`, then every `init` of the policy; throws PolicyError. */
export const runSetup = (policy: Policy, findPlace: PlaceFinder = () => ''): PolicySetup => {
  const inits = handlersOf(policy, 'init');
  const collector = createCollector();
  const fix = 'write init(setup) { setup.smtpListener({ listen: "127.0.0.1:2025" }); }';
  if (inits.length === 0) {
    throw new PolicyError('', 'no part of the policy has an init handler', fix);
  }
  for (const preInit of handlersOf(policy, 'pre_init')) runOne('pre_init', preInit, findPlace);
  for (const init of inits) runOne('init', () => init(collector.setup), findPlace);
  collector.close();
  if (collector.collected.smtpListeners.length === 0) {
    throw new PolicyError('', 'init set up no listener, so no mail could come in', fix);
  }
  return Object.freeze({ ...collector.collected });
};

const runOne = (name: string, handler: () => unknown, findPlace: PlaceFinder): void => {
  let answer: unknown;
  try {
    answer = handler();
  } catch (thrown) {
    throw refuse(name, thrown, findPlace(thrown));
  }
  if (!isThenable(answer)) return;
  answer.then(undefined, () => undefined);
  throw new PolicyError('', `${name} returned a promise`, `make ${name} a plain function`);
};
