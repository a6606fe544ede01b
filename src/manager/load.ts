/**
 * What a worker serves: a version of the operator's policy out of the store, or the embedded policy
 * with its sink. Knows neither log nor engine.
 */
import { createHash } from 'node:crypto';
import type { CaptureList } from '../domain/capture.ts';
import type { Rule } from '../domain/explanation.ts';
import type { HttpListenerConfig } from '../domain/options-http.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import type { RedisConfig } from '../domain/options-redis.ts';
import type { PolicyAsker } from '../domain/policy-asker.ts';
import type { ThrottleSpec } from '../domain/throttle-spec.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import type { CallWatch, PolicyFault } from '../policy/ask.ts';
import { createPolicyAsker } from '../policy/ask.ts';
import type { AuthAsker } from '../policy/ask-auth.ts';
import { createAuthAsker } from '../policy/ask-auth.ts';
import { defaultPolicy } from '../policy/default-policy.ts';
import { loadVersion } from '../policy/load-version.ts';
import { createOriginFinder } from '../policy/overhear.ts';
import { captureListsOf, runSetup } from '../policy/setup.ts';
import type { NdrParams } from '../reports/ndr.ts';
import type { ReaderName } from './open-projections.ts';

/** A policy ready to be asked, and what it wants opened. */
export interface LoadedWorld {
  readonly version: number;
  readonly hash: string;
  /** The operator's own file. */
  readonly file: string;
  readonly smtpListeners: readonly ListenerConfig[];
  readonly httpListeners: readonly HttpListenerConfig[];
  readonly isMtaStsEnabled: boolean;
  readonly redisThrottles: RedisConfig | undefined;
  /** The rate of recipients that are injected by HTTP. */
  readonly injectRate: ThrottleSpec | undefined;
  /** How senders are told of failures. */
  readonly ndr: NdrParams | undefined;
  /** What reads the log: hooks, and loggers of files. */
  readonly readers: readonly ReaderName[];
  /** What readers want to be kept at reception. */
  readonly capture: CaptureList;
  /** Judges those who come over HTTP. */
  readonly makeJudge: (onFault: (fault: PolicyFault) => void) => AuthAsker;
  readonly makeAsker: (onFault: (fault: PolicyFault) => void, watch: CallWatch) => PolicyAsker;
  /** Where in the operator's files something was thrown; '' where that is not known. */
  readonly findPlace: (thrown: unknown) => string;
  /** Where the option of a rule was written. */
  readonly originOf: (rule: Rule) => string;
  /** What a newcomer may try next; only for the embedded policy. */
  readonly hint?: (place: string, dir: string) => string;
  close(): Promise<void>;
}

/** Loads a version of the policy store below `dir`; throws PolicyError. */
export async function loadNumbered(version: number, dir: string): Promise<LoadedWorld> {
  const store = openPolicyStore(dir, 'read');
  try {
    const { policy, setup, hash, source, findPlace } = await loadVersion(store, version, dir);
    return {
      version,
      hash,
      file: source,
      smtpListeners: setup.smtpListeners,
      httpListeners: setup.httpListeners,
      isMtaStsEnabled: setup.isMtaStsEnabled,
      redisThrottles: setup.redisThrottles,
      injectRate: setup.injectRate,
      ndr: setup.ndr,
      readers: setup.logHooks.map(({ name, sink }) => ({ name, sink: sink.kind })),
      capture: captureListsOf(setup),
      makeJudge: (onFault) => createAuthAsker(policy, onFault, findPlace),
      makeAsker: (onFault, watch) => createPolicyAsker(policy, onFault, findPlace, watch),
      findPlace: (thrown) => findPlace(thrown),
      originOf: createOriginFinder(policy, (handler) => findPlace(undefined, handler)),
      close: async () => {},
    };
  } finally {
    store.close();
  }
}

/** Starts the sink and the policy that sends everything there. */
export async function loadEmbedded(version: number, smtpListen: string): Promise<LoadedWorld> {
  const { startSink } = await import('../cli/sink-server.ts');
  const sink = await startSink();
  const policy = defaultPolicy({ smtpListen, sinkPort: sink.port });
  const setup = runSetup(policy);
  const hash = createHash('sha256').update(`embedded ${sink.port}`).digest('hex').slice(0, 16);
  return {
    version,
    hash,
    file: 'embedded',
    smtpListeners: setup.smtpListeners,
    httpListeners: setup.httpListeners,
    isMtaStsEnabled: setup.isMtaStsEnabled,
    redisThrottles: setup.redisThrottles,
    injectRate: setup.injectRate,
    ndr: setup.ndr,
    readers: [],
    capture: captureListsOf(setup),
    makeJudge: (onFault) => createAuthAsker(policy, onFault),
    makeAsker: (onFault, watch) => createPolicyAsker(policy, onFault, undefined, watch),
    findPlace: () => '',
    originOf: createOriginFinder(policy, () => 'embedded'),
    hint: (place, data) => describe(place, data, sink.port),
    close: () => sink.stop(),
  };
}

const TO_TRY = (place: string, data: string): [string, string][] => [
  [`traffic --to ${place} --messages 1000`, 'send a thousand messages'],
  [`traffic --to ${place} --duration 10s`, 'see how many a second it takes'],
  [`top --data ${data}`, 'watch it; q quits'],
  [`journey r1@sink.test --data ${data}`, 'what happened to a message'],
  [`verify ${data}`, 'prove that none was lost'],
];

const describe = (place: string, data: string, sinkPort: number): string => `
All mail ends in a sink inside this process (127.0.0.1:${sinkPort}); nothing leaves the machine.
Data is kept in ${data}. Stop with Ctrl-C. Try next, from another terminal:

${showTries(TO_TRY(place, data))}
`;

const showTries = (tries: readonly [string, string][]): string => {
  const width = Math.max(...tries.map(([command]) => command.length));
  const lines = tries.map(([command, says]) => `  npx waybill ${command.padEnd(width)}   ${says}`);
  return lines.join('\n');
};
