/**
 * What is noted while mail flows, so that those who look later learn since when: states that hold
 * a ready queue up, what a connection has done. A few comparisons a turn, no more. Decides nothing.
 */
import type { Settlement } from '../connection/connection.ts';
import type { ReadyQueue, Session } from '../core.ts';

/** Since when a ready queue is held up; 0 = it is not. Engine time, ms. */
export interface ReadyMarks {
  limitedSince: number;
  throttledSince: number;
}

/** What a connection has done. */
export interface SessionMeter {
  readonly startedAt: number;
  /** When it last opened, or got or settled a message. */
  since: number;
  delivered: number;
  deferred: number;
  bounced: number;
}

/** A ready queue that nothing holds up. */
export const newMarks = (): ReadyMarks => ({ limitedSince: 0, throttledSince: 0 });

/** A connection that begins. */
export const newMeter = (at: number): SessionMeter => ({
  startedAt: at,
  since: at,
  delivered: 0,
  deferred: 0,
  bounced: 0,
});

/** After a ready queue was served. */
export function noteMarks(ready: ReadyQueue, at: number): void {
  const { marks, shaping } = ready;
  marks.limitedSince = !isLimited(ready) ? 0 : marks.limitedSince || at;
  marks.throttledSince = shaping.dialer.binding === undefined ? 0 : marks.throttledSince || at;
}

/** More connections would be opened, were it not for a limit. */
export function isLimited({ size, sessions, planning, path, shaping }: ReadyQueue): boolean {
  if (size === 0) return false;
  const isFull = sessions.size + planning >= path.connection_limit.limit;
  return isFull || shaping.leaser.binding !== undefined;
}

/** The peer's verdicts on a message are there. */
export function noteSettled({ meter }: Session, { outcomes }: Settlement, at: number): void {
  meter.since = at;
  meter.delivered += Number(outcomes.some(({ kind }) => kind === 'delivered'));
  meter.deferred += Number(outcomes.some(({ kind }) => kind === 'transient'));
  meter.bounced += Number(outcomes.some(({ kind }) => kind === 'permanent'));
}
