/**
 * Sources go out of rotation and come back: by a rule that a failed dial fired, by hand, by time.
 * A suspension acts in the turn that decides it: rows made ready for the source are due again, its
 * connections end, and no candidate more is dialled. Judges no reply.
 */
import { formatDuration } from '../domain/duration.ts';
import type { SuspendReason } from '../domain/source-health.ts';
import { BY_HAND } from '../domain/source-health.ts';
import type { SuspendedBody } from '../events/source.ts';
import type { FailedCandidate } from './connection/ending.ts';
import type { Core } from './core.ts';
import { wakeWaiting } from './matching.ts';
import { rowIsDue } from './queue/due.ts';
import { withdrawRows } from './serving.ts';
import { releaseQueue, releaseReady } from './shaping.ts';

/** Queues woken in one turn when a source came back; a turn stays short. */
const WAKE_MAX = 256;

/** Stands for whichever source it may be, among those that came back. */
export const ANY_SOURCE = '';

/** Asked by a connection before it dials: not from a source that is out. */
export function mayDial(core: Core, link: number): boolean {
  const session = core.sessions.get(link);
  return session === undefined || !core.health.isOut(session.ready.source.name);
}

/** Told by a connection when a candidate failed, before it goes on to the next. */
export function candidateFailed(core: Core, link: number, failed: FailedCandidate): void {
  const session = core.sessions.get(link);
  if (session === undefined || failed.stage !== 'dialing' || failed.fault === undefined) return;
  const { source } = session.ready;
  const at = core.ports.clock.now();
  if (!core.health.note(source.name, source, failed.fault, at)) return;
  core.turns.push({ kind: 'sourceTripped', source: source.name });
}

/** A rule fired: the source is suspended from now on, for the rule's duration. */
export function decideTrip(core: Core, source: string, at: number): void {
  const trip = core.health.takeTrip(source);
  const row = core.books.sources.get(source);
  if (trip === undefined || row === undefined) return;
  const { reason, durationMs, cause, count, failures } = trip;
  const until = at + durationMs;
  const isSuspended = row.state === 'suspended' && row.until > at;
  // What an operator wants is not cut short by a rule.
  if (isSuspended && row.reason === BY_HAND && row.until >= until) return;
  const isLonger = isSuspended && row.reason === reason;
  if (isLonger && row.until === until) return;
  suspendSource(core, source, { until, cause, reason, count, failures }, at);
  if (isLonger) return;
  const span = formatDuration(durationMs);
  tell(core, 'warn', `egress source auto-suspended: ${naming(source, reason)}, duration ${span}`);
}

/** Takes a source out of rotation, or changes until when and why it is out. */
export function suspendSource(core: Core, source: string, body: SuspendedBody, at: number): void {
  const { suspensions } = core.health;
  const row = core.books.sources.get(source);
  const before = row?.state === 'suspended' ? row.reason : '';
  const isLonger = before === body.reason && (row?.until ?? 0) > at;
  core.turns.emit({ type: 'source.suspended', stream: source, body });
  core.health.generation += 1;
  core.health.freed.delete(source);
  if (before !== '') suspensions.of(source, before);
  if (!isLonger) suspensions.of(source, body.reason).value += 1;
  withdrawSource(core, source, at);
}

/** Brings a suspended source back into rotation; its queues are looked at after the commit. */
export function resumeSource(core: Core, source: string, by?: string): void {
  const reason = core.books.sources.get(source)?.reason ?? '';
  core.turns.emit({ type: 'source.resumed', stream: source, body: by === undefined ? {} : { by } });
  core.health.generation += 1;
  core.health.suspensions.of(source, reason);
  const what = reason === BY_HAND ? 'suspension' : 'auto-suspension';
  tell(core, 'info', `egress source ${what} cleared: ${naming(source, reason)}`);
}

const naming = (source: string, reason: SuspendReason | ''): string =>
  `source ${source}, reason ${reason}`;

const tell = (core: Core, level: 'info' | 'warn', text: string): void =>
  core.turns.promise(() => core.log(level, text));

/** The alarm of a source: its suspension is over, unless it was put off meanwhile. */
export function sourceRang(core: Core, source: string, at: number): void {
  const row = core.books.sources.get(source);
  if (row?.state !== 'suspended') return;
  if (row.until > at) core.alarms.set(`source ${source}`, row.until);
  else resumeSource(core, source);
}

/**
 * Takes the rows of a source out of its ready queues, to be placed anew, and ends its connections:
 * each after what it has in hand, unless its address is gone, for then nothing can come of that.
 */
export function withdrawSource(core: Core, source: string, at: number): void {
  const isGone = core.books.sources.get(source)?.reason === 'Unplumbed';
  for (const ready of core.readyQueues.values()) {
    if (ready.source.name !== source) continue;
    withdrawRows(core, ready, (slot) => rowIsDue(core, slot, at));
    for (const session of ready.sessions) {
      session.isStopping = true;
      if (isGone) session.connection.withdraw('its source address is gone');
      else session.connection.stop();
    }
    ready.idle.length = 0;
    releaseReady(core, ready);
    // Nobody will make room there: who waited for it looks elsewhere.
    wakeWaiting(core, ready);
  }
}

/**
 * Sources came back, before their time or at it, or are known at last: queues of their pools need
 * not wait for the end of their rest, nor for room elsewhere.
 */
export function wakeFreed(core: Core): void {
  const { freed } = core.health;
  if (freed.size === 0) return;
  const names = new Set(freed);
  freed.clear();
  wakeFrom(core, 0, names.has(ANY_SOURCE) ? () => true : poolsWith(core, names));
}

/** Tells by a pool's key whether one of `names` is a member. */
function poolsWith(core: Core, names: ReadonlySet<string>): (pool: string) => boolean {
  const known = new Map<string, boolean>();
  return (pool) => {
    const before = known.get(pool);
    if (before !== undefined) return before;
    const entries = core.answers.recordedPool(pool)?.entries ?? [];
    const has = entries.some(({ name, weight }) => weight > 0 && names.has(name));
    known.set(pool, has);
    return has;
  };
}

function wakeFrom(core: Core, start: number, isMeant: (pool: string) => boolean): void {
  const { queues } = core.books;
  let left = WAKE_MAX;
  for (let slot = start; slot < queues.length; slot += 1) {
    if (left <= 0 || slot - start >= core.limits.sweepLooksMax) {
      core.turns.push({ kind: 'run', run: () => wakeFrom(core, slot, isMeant) });
      return;
    }
    const row = queues[slot];
    if (row === undefined || row.state === 'suspended' || !isMeant(row.pool)) continue;
    const held = core.queues.get(slot);
    const isInLine = held?.shaping.chooser.line !== undefined;
    if (isInLine) releaseQueue(core, held);
    if (row.state === 'resting') {
      core.turns.emit({ type: 'queue.woke', stream: row.name, body: {} });
    } else if (!isInLine && (held === undefined || held.waitsFor.size === 0)) continue;
    if (held !== undefined) core.touchedQueues.add(held);
    left -= 1;
  }
}
