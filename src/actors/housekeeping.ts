/**
 * What must be done now and then: snapshots of the books, forgetting idle queues and ready queues,
 * telling the log which of its segments nobody needs. All of it bounded per round. Decides nothing
 * about mail.
 */
import { encodeBooks } from '../domain/snapshot.ts';
import { compactBodies } from './compacting.ts';
import type { Core } from './core.ts';
import { keepCurrent } from './queue/configuring.ts';
import { reapReadyQueues } from './ready-queue.ts';
import { releaseQueue } from './shaping.ts';
import { startSweep } from './sweeping.ts';

/** What is held about a queue without due rows is forgotten after this, ms. */
const HOLD_IDLE_MS = 60_000;
/** Queues retired in one round; a turn stays short. */
const RETIRE_MAX = 2_000;

/** One round. */
export function keepHouse(core: Core, at: number): void {
  core.alarms.set('house', at + core.limits.reapMs);
  forgetHeldQueues(core, at);
  retireQueues(core, at);
  reapReadyQueues(core, at);
  core.health.forget(at);
  if (!core.sweep.isOn) startSweep(core, at);
  compactBodies(core);
  const { house, limits, turns } = core;
  const records = turns.position - house.snapshotPosition;
  const isDue = records > 0 && at - house.snapshotAt >= limits.snapshotMsMax;
  // A picture costs by the row and spares by the record: neither may outgrow the other.
  const recordsMax = Math.max(limits.snapshotRecordsMax, core.books.rows.count / 4);
  if (house.isSaving || (!isDue && records < recordsMax)) return;
  // The picture shows turns that are still in flight; it must not be on disk before they are.
  turns.promise(takePicture(core, at));
}

/** Saves a picture of the books at once; for the end, when nothing is in flight. */
export function saveSnapshot(core: Core, at: number, done: () => void): void {
  if (core.house.isSaving) done();
  else takePicture(core, at, done)();
}

/** Takes a picture of the books; the copy is made at once, the writing is the log's affair. */
function takePicture(core: Core, at: number, done?: () => void): () => void {
  const { house, ports, turns } = core;
  house.isSaving = true;
  house.snapshotAt = at;
  house.snapshotPosition = turns.position;
  const position = turns.position - 1;
  core.answers.forget();
  const bytes = encodeBooks(core.books);
  const needed = lowestNeeded(core);
  house.floors.note(position, needed);
  return () =>
    ports.log.saveSnapshot(position, bytes, (fault) => {
      house.isSaving = false;
      if (fault !== undefined) core.log('warn', `no snapshot: ${fault.cause}`);
      else ports.log.releaseBefore(house.floors.lowestOf(house.readers(), needed));
      done?.();
    });
}

/** The lowest position a living message still needs: its envelope is there. */
function lowestNeeded(core: Core): number {
  const { rows } = core.books;
  let lowest = core.house.snapshotPosition;
  rows.each((slot) => {
    lowest = Math.min(lowest, rows.columns.position[slot] as number);
  });
  return lowest;
}

function forgetHeldQueues(core: Core, at: number): void {
  for (const [slot, queue] of core.queues) {
    const isBusy = queue.due.length > 0 || queue.waitsFor.size > 0 || queue.isRouting;
    if (isBusy || at - queue.usedAt < HOLD_IDLE_MS) continue;
    releaseQueue(core, queue);
    core.queues.delete(slot);
  }
}

function retireQueues(core: Core, at: number): void {
  let left = RETIRE_MAX;
  for (const row of core.books.queues) {
    if (row === undefined || row.count > 0 || row.state !== 'ready') continue;
    const config = core.answers.recordedQueueConfig(row.answer);
    if (at - row.emptySince < config.reap_interval) continue;
    keepCurrent(core, row, at);
    if (at - row.emptySince < core.answers.recordedQueueConfig(row.answer).reap_interval) continue;
    const held = core.queues.get(row.slot);
    if (held?.isRouting) continue;
    for (const ready of held?.waitsFor ?? []) ready.waiting.delete(held as never);
    if (held !== undefined) releaseQueue(core, held);
    core.queues.delete(row.slot);
    core.turns.emit({ type: 'queue.retired', stream: row.name, body: {} });
    left -= 1;
    if (left === 0) return;
  }
}
