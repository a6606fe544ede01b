/**
 * Opening the engine on a data directory: log, bodies, recovery, ports, first turn. The listener of
 * log and bodies is connected before anything is written, so no failure goes unheard. Knows no
 * network listener.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { SmtpTraces } from '../api/smtp-trace-hub.ts';
import { createSmtpTraces } from '../api/smtp-trace-hub.ts';
import type { EngineRow } from '../domain/books.ts';
import { withOwnHeaders } from '../domain/capture.ts';
import type { NdrDuties } from '../domain/ndrs.ts';
import type { PolicyAsker } from '../domain/policy-asker.ts';
import type { Engine, PolicyUse } from '../engine.ts';
import { createEngine } from '../engine.ts';
import type { PolicyFault } from '../policy/ask.ts';
import type { OpenedBodies } from '../ports/body-store.ts';
import type { DeferringBodies } from '../ports/deferred-bodies.ts';
import { openDeferringBodies } from '../ports/node/bodies-deferring.ts';
import { createClock } from '../ports/node/clock.ts';
import { createPolicyFetch } from '../ports/node/mta-sts-fetch.ts';
import { openStsShelf } from '../ports/node/mta-sts-shelf.ts';
import { createNetwork } from '../ports/node/network.ts';
import { createNodeRandom } from '../ports/node/random.ts';
import type { ResolverCounts } from '../ports/node/resolver.ts';
import { createResolver } from '../ports/node/resolver.ts';
import { createSecretReader } from '../ports/node/secrets.ts';
import { createTimers } from '../ports/node/timers.ts';
import type { Clock } from '../ports/ports.ts';
import { nodeIdOf } from '../projections/log-record/fields.ts';
import { recover } from '../recover.ts';
import type { NdrParams } from '../reports/ndr.ts';
import type { LoadedWorld } from './load.ts';
import type { OpenJourneys } from './open-journeys.ts';
import { beginJourneys } from './open-journeys.ts';
import type { OpeningLog } from './open-log.ts';
import { OpenProjections } from './open-projections.ts';
import type { OpenedQuotas, QuotasParts } from './open-quotas.ts';
import { openQuotas } from './open-quotas.ts';
import type { NoteHandler } from './watchdog.ts';

/** What opening needs. */
export interface OpenParts {
  readonly dir: string;
  readonly log: OpeningLog;
  /** Settles when the manager has said which version to use. */
  readonly loading: Promise<LoadedWorld>;
  readonly using: Promise<{ readonly epoch: number; readonly reason: string }>;
  readonly ehloName: string;
  readonly version: string;
  readonly logger: Logger;
  /** Hears of faults of the policy, besides the log. */
  readonly heard: (fault: PolicyFault) => void;
  readonly noteHandler?: NoteHandler;
  readonly fatal: (sentence: string) => void;
}

/** An engine on a data directory. */
export interface OpenedEngine {
  readonly engine: Engine;
  readonly bodies: DeferringBodies;
  readonly clock: Clock;
  /** How Redis is; undefined where quotas are counted in this process. */
  readonly redis?: OpenedQuotas['redis'];
  /** Who counts rates and limits. */
  readonly quotas: OpenedQuotas['quotas'];
  /** Who reads the log: hooks, and loggers of files. */
  readonly projections: OpenProjections;
  /** Who tells what happened to a message. */
  readonly journeys: OpenJourneys;
  /** Where SMTP conversations are shown. */
  readonly traces: SmtpTraces;
  /** What the resolver's cache came to. */
  readonly dns: Readonly<ResolverCounts>;
  /** UUID of the node, as records have it. */
  readonly nodeid: string;
  /** The epoch it began with. */
  readonly epoch: number;
  /** A version as the engine takes it over. */
  makeUse(world: LoadedWorld, reason: string, epoch: number): PolicyUse;
  /** After the engine has stopped: closes what it stood on. */
  close(): Promise<void>;
}

/** Opens, recovers and runs the first turn. */
export async function openEngine(parts: OpenParts): Promise<OpenedEngine> {
  const { dir, logger } = parts;
  let engine: Engine | undefined;
  const { log, recovery, mark } = await parts.log.opening;
  const { listener } = parts.log;
  const bodies = await openDeferringBodies({ dir: join(dir, 'bodies'), listener });
  const { books, last, damage, foundlings } = await recover(recovery, bodies);
  for (const { id } of foundlings) logger.error(`message ${id} was recovered from its body`);
  const [world, { epoch: wanted, reason }] = await Promise.all([parts.loading, parts.using]);
  const epoch = firstEpoch(books.engine, world, wanted);
  const [clock, random] = [createClock(), createNodeRandom()];
  const { stop: stopWays, traces, dns, ...ways } = openWays(clock);
  const note: QuotasParts['log'] = (level, text) => logger[level](text);
  const stsShelf = openStsShelf(dir, (text) => logger.warn(text));
  const counting = await openQuotas({ redis: world.redisThrottles, clock, log: note });
  const faulted = (fault: PolicyFault): void => engine?.policyFaulted(fault);
  const makeAsker = askersFor(parts, clock, faulted);
  const projections = openProjections(parts, world, mark, faulted);
  engine = createEngine({
    ports: { clock, random, ...ways, log, bodies, quotas: counting.quotas },
    asker: makeAsker(world),
    books,
    last,
    beginning: {
      version: parts.version,
      node: randomBytes(4).toString('hex'),
      seed: random.seed,
      policy: policyOf(world, reason, epoch),
      damage,
      foundlings,
    },
    ehloName: parts.ehloName,
    readSecret: createSecretReader((text) => logger.error(text)),
    stsShelf,
    capture: withOwnHeaders(projections.capture),
    readers: () => projections.needs(),
    log: note,
    fatal: ({ where, cause }) => parts.fatal(`the disk cannot be trusted: ${where}: ${cause}`),
  });
  const running = engine;
  parts.log.connect(running);
  await new Promise<void>((resolve) => running.start(resolve));
  bodies.settle();
  projections.start(books.engine.node);
  return {
    engine: running,
    bodies,
    clock,
    projections,
    journeys: beginJourneys({ dir, mark, logger }),
    traces,
    quotas: counting.quotas,
    nodeid: nodeIdOf(books.engine.node),
    dns,
    epoch,
    makeUse: (from, why, next) => ({ ...policyOf(from, why, next), asker: makeAsker(from) }),
    ...(counting.redis === undefined ? {} : { redis: counting.redis }),
    close: () => closeAll(stopWays, stsShelf, counting, bodies),
  };
}

type Closing = { close(): Promise<void> };

async function closeAll(
  stopWays: () => void,
  shelf: Closing,
  counting: Closing,
  bodies: OpenedBodies,
): Promise<void> {
  stopWays();
  await shelf.close();
  await counting.close();
  await new Promise<void>((resolve) => bodies.close(resolve));
}

/** The ways out into the network. */
function openWays(clock: Clock) {
  const resolver = createResolver({ clock });
  const network = createNetwork({
    findAddresses: (host, answered) => resolver.findAddresses(host, 'Ipv4AndIpv6', answered),
  });
  const policyFetch = createPolicyFetch({ resolver });
  const stop = (): void => {
    policyFetch.stop();
    resolver.stop();
  };
  const traces = createSmtpTraces(clock, createTimers(clock));
  const { counts: dns } = resolver;
  return { resolver, network, policyFetch, traces, clientTrace: traces.client, dns, stop };
}

/** Faults are told to the log and to whoever counts them; calls are timed and noted. */
function askersFor(
  { heard, noteHandler }: OpenParts,
  clock: Clock,
  note: (fault: PolicyFault) => void,
): (from: LoadedWorld) => PolicyAsker {
  const watch = {
    steadyMs: () => clock.steadyMs(),
    ...(noteHandler === undefined ? {} : { noteHandler }),
  };
  return (from) =>
    from.makeAsker((fault) => {
      heard(fault);
      note(fault);
    }, watch);
}

/** Readers of the log, not yet begun; their faults are told as those of the engine's own asking. */
const openProjections = (
  { dir, logger, heard }: OpenParts,
  world: LoadedWorld,
  mark: SharedArrayBuffer,
  faulted: (fault: PolicyFault) => void,
): OpenProjections =>
  new OpenProjections(world, {
    dir,
    mark,
    logger,
    faulted: (fault) => {
      heard(fault);
      faulted(fault);
    },
  });

const policyOf = (
  { version, hash, file, isMtaStsEnabled, ndr }: LoadedWorld,
  reason: string,
  epoch: number,
) => ({ version, hash, file, isMtaStsEnabled, ndrDuties: ndr && dutiesOf(ndr), reason, epoch });

const dutiesOf = ({ enable_bounce, enable_expiration }: NdrParams): NdrDuties => ({
  bounces: enable_bounce,
  expirations: enable_expiration,
});

/** The books may know a later epoch than a manager that just started; another version needs one. */
function firstEpoch(known: EngineRow, { version, hash }: LoadedWorld, wanted: number): number {
  const isSame = known.policyVersion === version && known.policy === hash;
  return Math.max(wanted, isSame ? known.epoch : known.epoch + 1);
}
