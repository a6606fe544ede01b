/**
 * Ready queues whose rate of messages makes them wait longer than a connection stays idle. Such a
 * one has no room while it waits: its rows go back to their queues, where other sources may have
 * them, and whoever finds it so waits for room as at a full one. With each token it calls one queue
 * for one row, so that neither those who wait nor their number cost anything; two tokens in a row
 * that were there at once end it. Deliberately unknown here: how sources are chosen.
 */
import type { Core, HeldQueue, ReadyQueue } from './core.ts';
import { rowGoesBack } from './queue/due.ts';
import { hasTurn } from './room-turns.ts';
import { isWaitLong, maySend } from './sending.ts';

/** True where a ready queue takes one more row of a queue. */
export function hasRoom(core: Core, ready: ReadyQueue, queue: HeldQueue, at: number): boolean {
  if (ready.size >= ready.path.max_ready) return false;
  if (ready.shaping.isSlow) return hasSlowRoom(core, ready, queue, at);
  return hasTurn(ready, queue.turns.get(ready));
}

/** One row, when it is its turn, of whoever comes first. */
function hasSlowRoom(core: Core, ready: ReadyQueue, queue: HeldQueue, at: number): boolean {
  if (ready.size > 0 || core.lines.isWaiting(ready.shaping.sender, at)) return false;
  return queue.calledBy === ready || ready.waiting.size === 0;
}

/** True where it is a rate that leaves no room. */
export const isHeldByRate = ({ shaping, size, path }: ReadyQueue): boolean =>
  shaping.isSlow && size < path.max_ready;

/** A long wait: all rows go back to their queues, in order and ahead of others; no attempt. */
export function yieldRows(core: Core, ready: ReadyQueue, at: number): void {
  if (!isWaitLong(core, ready, at)) return;
  ready.shaping.isSlow = true;
  for (;;) {
    const slot = ready.rows.pop(core.held.isGood);
    if (slot < 0) return;
    rowGoesBack(core, slot, at);
  }
}

/** Calls the first of those who wait for room, once there is a token for its row. */
export function callWaiting(core: Core, ready: ReadyQueue, at: number): void {
  const { shaping, waiting } = ready;
  const [queue] = waiting;
  if (queue === undefined || ready.size > 0 || shaping.called !== undefined) return;
  if (core.lines.isWaiting(shaping.sender, at)) return;
  // Who stands first in the line asks when the row is there.
  if (shaping.sender.line === undefined && !maySend(core, ready, 1, at)) return;
  waiting.delete(queue);
  queue.waitsFor.delete(ready);
  queue.calledBy = ready;
  shaping.called = queue;
  // It may wait for a rate of another source, too: there is room here.
  core.lines.leave(queue.shaping.chooser);
  core.touchedQueues.add(queue);
}

/** A queue that was called has come: should it have no use for the room, another is called. */
export function endCall(core: Core, queue: HeldQueue): void {
  const { calledBy } = queue;
  if (calledBy === undefined) return;
  queue.calledBy = undefined;
  calledBy.shaping.called = undefined;
  core.touchedReady.add(calledBy);
}

/** False where a rate is slow and it is not known yet that a connection would have a token. */
export function mayOpen(core: Core, ready: ReadyQueue, at: number): boolean {
  const { isSlow, sender } = ready.shaping;
  if (!isSlow || ready.size === 0 || sender.line !== undefined) return true;
  return !couldOpen(core, ready, at) || maySend(core, ready, 1, at);
}

/**
 * False where no first connection can be opened just now, whatever the rate says: a token would be
 * taken and given back only to wake the next who cannot use it, and so on without end.
 */
function couldOpen(core: Core, ready: ReadyQueue, at: number): boolean {
  const { leaser, isLeasing, dialer } = ready.shaping;
  if (ready.sessions.size + ready.planning > 0 || at < ready.notBefore) return false;
  if (leaser.line !== undefined || isLeasing || dialer.line !== undefined) return false;
  const hasRoom = core.sessions.size + core.planning < core.limits.connectionsMax;
  return hasRoom && !core.health.isOut(ready.source.name);
}
