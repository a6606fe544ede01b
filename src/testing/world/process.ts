/**
 * One life of the engine: clock, ports, recovered books and the engine itself, wired as production
 * wires them (src/manager/open.ts). The one idea: everything here dies at a crash; what survives is
 * handed in. Deliberately unknown here: who submits and who watches.
 */

import type { CaptureList } from '../../domain/capture.ts';
import type { Limits } from '../../domain/limits.ts';
import type { Engine } from '../../engine.ts';
import { createEngine } from '../../engine.ts';
import type { MemoryLog, MemoryStore } from '../../events/memory-log.ts';
import { createMemoryLog } from '../../events/memory-log.ts';
import type { OpenedBodies } from '../../ports/body-store.ts';
import type { Fault, StoredRecord } from '../../ports/ports.ts';
import type { Quotas } from '../../ports/quotas.ts';
import { recover } from '../../recover.ts';
import type { Chance, Faults } from './chance.ts';
import type { WorldTime } from './clock.ts';
import { LifeClock } from './clock.ts';
import type { Internet } from './network.ts';
import type { PlanVersion } from './policy.ts';
import { makeAsker } from './policy.ts';
import type { QuotasKind } from './quotas.ts';
import { makeQuotas } from './quotas.ts';
import type { Zone } from './resolver.ts';
import { makePolicyFetch, makeResolver } from './resolver.ts';

const COMMIT_MS_MAX = 6;
const SLOW_COMMIT_MS_MAX = 3_000;

/** What a life is given; all of it outlives it. */
export interface LifeParts {
  readonly time: WorldTime;
  readonly chance: Chance;
  readonly net: Internet;
  readonly zone: Zone;
  readonly policy: PlanVersion;
  readonly store: MemoryStore;
  readonly bodies: OpenedBodies;
  readonly limits: Partial<Limits>;
  readonly capture?: CaptureList | undefined;
  readonly quotas: { readonly kind: QuotasKind; readonly server: Quotas };
  readonly faultsNow: () => Faults;
  readonly said: (text: string) => void;
  /** Called when the first turn is durable. */
  readonly opened?: () => void;
}

/** A running process. */
export interface Life {
  readonly clock: LifeClock;
  readonly engine: Engine;
  readonly log: MemoryLog;
  /** True once the first turn is durable: mail may come in. */
  isOpen: boolean;
  /** The engine wants to end: its log or its bodies cannot be trusted. */
  isFatal: boolean;
}

/** Starts a life on what is durable. */
export async function startLife(parts: LifeParts): Promise<Life> {
  const { time, chance, net, zone, policy, store, bodies, limits, faultsNow } = parts;
  const clock = new LifeClock(time);
  const life = { clock, isOpen: false, isFatal: false } as { -readonly [K in keyof Life]: Life[K] };
  const log = createMemoryLog(
    makeLogThread(parts, clock),
    {
      // A step of its own: the process may die between the commit and its knowing of it.
      durable: (turn, commitMs) => clock.soon(() => life.engine.durable(turn, commitMs)),
      failed: (fault) => clock.soon(() => life.engine.failed(fault)),
      room: (hasRoom) => clock.soon(() => life.engine.room(hasRoom)),
    },
    store,
  );
  life.log = log;
  const recovered = await recover(recoverable(store, log), bodies);
  life.engine = createEngine({
    ports: {
      clock,
      random: chance,
      network: net.attach(clock),
      resolver: makeResolver(zone, clock, chance, faultsNow),
      policyFetch: makePolicyFetch(zone, clock, chance, faultsNow),
      log,
      bodies,
      quotas: makeQuotas(parts.quotas.kind, { clock, chance, server: parts.quotas.server }),
    },
    asker: makeAsker(policy, (fault) => life.engine.policyFaulted(fault)),
    books: recovered.books,
    last: recovered.last,
    beginning: {
      version: 'world',
      node: '0000abcd',
      seed: 1,
      policy: beginningOf(policy),
      damage: recovered.damage,
      foundlings: recovered.foundlings,
    },
    ehloName: 'waybill.test',
    readSecret: (source) => ('key_data' in source ? source.key_data : undefined),
    stsShelf: zone.shelf,
    limits,
    ...(parts.capture === undefined ? {} : { capture: parts.capture }),
    log: (level, text) => parts.said(`${level}: ${text}`),
    fatal: () => {
      life.isFatal = true;
    },
  });
  life.engine.start(() => {
    life.isOpen = true;
    bodies.settle();
    parts.opened?.();
  });
  return life;
}

/** The log is a thread of its own: it answers late, but in the order it was asked. */
function makeLogThread({ time, chance, faultsNow }: LifeParts, clock: LifeClock) {
  let freeAt = 0;
  return (task: () => void): void => {
    const isSlow = chance.hits(faultsNow().slowLog);
    const waitMs = chance.between(0, isSlow ? SLOW_COMMIT_MS_MAX : COMMIT_MS_MAX);
    freeAt = Math.max(freeAt, time.now + waitMs);
    clock.after(freeAt - time.now, task);
  };
}

const beginningOf = ({ version, epoch, plan: { ndr: ndrDuties } }: PlanVersion) =>
  version === 0
    ? { hash: 'plan', file: 'world', ndrDuties }
    : { hash: `plan-${version}`, file: 'world', version, epoch, reason: 'start', ndrDuties };

/** What opening the store finds, as recovery wants it. */
export function recoverable(store: MemoryStore, log: Pick<MemoryLog, 'replay'>) {
  const last = store.records.at(-1) as StoredRecord | undefined;
  const snapshot = store.snapshots.at(-1);
  return {
    lastPosition: Math.max(last?.position ?? 0, snapshot?.position ?? 0),
    lastTurn: last?.turn ?? 0,
    reports: [],
    ...(snapshot === undefined ? {} : { snapshot }),
    replay: (from: number, each: (records: StoredRecord[]) => void) => log.replay(from, each),
  };
}

/** For a store whose disk is full or failing: what the fault looks like. */
export const UNWRITABLE: Fault = {
  code: 'FAULT_LOG_UNWRITABLE',
  where: 'log',
  cause: 'input/output error',
  retryable: false,
};
