/**
 * Opening the engine on a data directory: log, bodies, recovery, ports, first turn. The listener of
 * log and bodies is connected before anything is written, so no failure goes unheard. Knows no
 * network listener.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Engine } from '../engine.ts';
import { createEngine } from '../engine.ts';
import { openSqliteLog } from '../events/sqlite-log.ts';
import type { OpenedBodies } from '../ports/body-store.ts';
import { openBodies } from '../ports/node/bodies.ts';
import { createClock } from '../ports/node/clock.ts';
import { createNetwork } from '../ports/node/network.ts';
import { createNodeRandom } from '../ports/node/random.ts';
import { createResolver } from '../ports/node/resolver.ts';
import { createSecretReader } from '../ports/node/secrets.ts';
import type { Clock, Fault } from '../ports/ports.ts';
import { recover } from '../recover.ts';
import type { LoadedWorld } from './load.ts';

/** What opening needs. */
export interface OpenParts {
  readonly dir: string;
  readonly loading: Promise<LoadedWorld>;
  readonly ehloName: string;
  readonly version: string;
  readonly logger: Logger;
  readonly fatal: (sentence: string) => void;
}

/** An engine on a data directory. */
export interface OpenedEngine {
  readonly engine: Engine;
  readonly bodies: OpenedBodies;
  readonly clock: Clock;
  /** After the engine has stopped: closes what it stood on. */
  close(): Promise<void>;
}

/** Opens, recovers and runs the first turn. */
export async function openEngine(parts: OpenParts): Promise<OpenedEngine> {
  const { dir, logger } = parts;
  let engine: Engine | undefined;
  const listener = {
    durable: (turn: number, commitMs: number) => engine?.durable(turn, commitMs),
    failed: (fault: Fault) => engine?.failed(fault),
    room: (hasRoom: boolean) => engine?.room(hasRoom),
  };
  const { log, recovery } = await openSqliteLog({
    dir,
    listener,
    reported: (report) => logger.error({ damage: report }, report.sentence),
  });
  const bodies = await openBodies({ dir: join(dir, 'bodies'), listener });
  const recovered = await recover(recovery, bodies);
  const { books, last, damage, foundlings } = recovered;
  for (const { id } of foundlings) logger.error(`message ${id} was recovered from its body`);
  const world = await parts.loading;
  const clock = createClock();
  const random = createNodeRandom();
  const resolver = createResolver({ clock });
  engine = createEngine({
    ports: { clock, random, network: createNetwork(), resolver, log, bodies },
    asker: world.makeAsker((fault) => engine?.policyFaulted(fault)),
    books,
    last,
    beginning: {
      version: parts.version,
      node: randomBytes(4).toString('hex'),
      seed: random.seed,
      policy: world.policy,
      damage,
      foundlings,
    },
    ehloName: parts.ehloName,
    readSecret: createSecretReader((text) => logger.error(text)),
    log: (level, text) => logger[level](text),
    fatal: ({ where, cause }) => parts.fatal(`the disk cannot be trusted: ${where}: ${cause}`),
  });
  const running = engine;
  await new Promise<void>((resolve) => running.start(resolve));
  bodies.settle();
  return {
    engine: running,
    bodies,
    clock,
    close: async () => {
      resolver.stop();
      await new Promise<void>((resolve) => bodies.close(resolve));
    },
  };
}
