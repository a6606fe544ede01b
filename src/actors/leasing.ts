/**
 * Leases: a connection is planned only with a place under every limit that others may share, keeps
 * it while it lives, and gives it back whatever becomes of it. Who finds no place stands in line.
 * Deliberately unknown here: how connections are planned; who counts the places.
 */
import { leaseLifeMs } from '../domain/options-path.ts';
import type { Lease, Leased } from '../ports/quotas.ts';
import type { Core, ReadyQueue, Session } from './core.ts';

/** So much of a lease's life is gone before the next message that it is made whole again. */
const SPENT_SHARE = 1 / 8;

/** A lease as its holder sees it. */
export interface HeldLease {
  readonly lease: Lease;
  /** Until then it is ours by our own clock. */
  until: number;
}

/** Asks for one lease; `granted` has the next connection planned. True: one more may be asked. */
export function askLease(
  core: Core,
  ready: ReadyQueue,
  granted: (held: HeldLease) => void,
  at: number,
): boolean {
  const { shaping } = ready;
  if (shaping.isLeasing) return false;
  const { leaser, limits } = shaping;
  const before = core.lines.ahead(leaser, shaping.limitKeys);
  if (before !== undefined) {
    core.lines.stand(leaser, before);
    return false;
  }
  const lifeMs = leaseLifeMs(ready.path);
  let isNow = true;
  let isHeld = false;
  shaping.isLeasing = true;
  core.ports.quotas.acquire(limits, lifeMs, (leased) => {
    if (isNow) isHeld = hear(core, ready, leased, at + lifeMs, granted, at);
    else {
      core.turns.push({
        kind: 'run',
        run: (later) => {
          const isCurrent = limits === shaping.limits && !core.isStopping;
          if (isCurrent) hear(core, ready, leased, at + lifeMs, granted, later);
          else {
            shaping.isLeasing = false;
            if (leased.kind === 'held') releaseLease(core, { lease: leased.lease, until: 0 });
          }
          core.touchedReady.add(ready);
        },
      });
    }
  });
  isNow = false;
  return isHeld;
}

function hear(
  core: Core,
  { shaping }: ReadyQueue,
  leased: Leased,
  until: number,
  granted: (held: HeldLease) => void,
  at: number,
): boolean {
  shaping.isLeasing = false;
  if (leased.kind === 'held') {
    core.lines.leave(shaping.leaser);
    granted({ lease: leased.lease, until });
    return true;
  }
  const index = shaping.limits.findIndex(({ name }) => name === leased.binding);
  const key = shaping.limitKeys[Math.max(0, index)] as string;
  const wait = { key, name: leased.binding, until: at + Math.max(1, leased.waitMs) };
  core.lines.stand(shaping.leaser, wait);
  return false;
}

/** Gives the places back and wakes who waits for them. */
export function releaseLease(core: Core, held: HeldLease | undefined): void {
  if (held === undefined) return;
  core.ports.quotas.release(held.lease);
  for (const { name } of held.lease.limits) core.lines.wakeFirst(`limit ${name}`);
}

/** Before each message: the lease gets its full life again; a lost one ends the connection. */
export function renewLease(core: Core, session: Session, at: number): void {
  const { held, ready } = session;
  if (held === undefined) return;
  const lifeMs = leaseLifeMs(ready.path);
  if (held.until - at > lifeMs * (1 - SPENT_SHARE)) return;
  core.ports.quotas.extend(held.lease, lifeMs, (isHeld) => {
    if (isHeld) held.until = Math.max(held.until, at + lifeMs);
    else core.turns.push({ kind: 'run', run: () => loseLease(core, session) });
  });
}

/** Whoever counts may want a place back: its connection ends once its message is through. */
export function watchLeases(core: Core): void {
  core.ports.quotas.watch?.(({ id }) => {
    const run = (): void => {
      for (const session of core.sessions.values()) {
        if (session.held?.lease.id === id) loseLease(core, session);
      }
    };
    core.turns.push({ kind: 'run', run });
  });
}

function loseLease(core: Core, session: Session): void {
  if (core.sessions.get(session.id) !== session || session.isStopping) return;
  core.log('warn', `connection ${session.id} to ${session.ready.name} lost its place; it ends`);
  session.isStopping = true;
  session.connection.stop();
}

/** Looks at a lease while its connection is busy: true when its life is nearly over. */
export function isLapsing(core: Core, session: Session, at: number): boolean {
  const { held } = session;
  if (held === undefined) return false;
  if (held.until - at < leaseLifeMs(session.ready.path) / 2) renewLease(core, session, at);
  return at >= held.until - core.limits.tickMs;
}
