/**
 * What must be done now and then: snapshots of the books, forgetting idle queues and ready queues,
 * telling the log which of its segments nobody needs. All of it bounded per round. Decides nothing
 * about mail.
 */
import type { QueueRow } from '../domain/books.ts';
import { Picture, pictureOf } from '../domain/picture.ts';
import { compactBodies } from './compacting.ts';
import type { Core } from './core.ts';
import { lowestOwed } from './ndrs.ts';
import { keepCurrent } from './queue/configuring.ts';
import { reapReadyQueues } from './ready-queue.ts';
import { endTurns } from './room-turns.ts';
import type { Way } from './rounds.ts';
import { goRound, looksAtOnce } from './rounds.ts';
import { releaseQueue } from './shaping.ts';
import { startSweep } from './sweeping.ts';

/** What is held about a queue without due rows is forgotten after this, ms. */
const HOLD_IDLE_MS = 60_000;
/** What retiring a queue weighs against a look at one: a turn retires 128 at most. */
const RETIRE_LOOKS = 32;

/** One round. */
export function keepHouse(core: Core, at: number): void {
  core.alarms.set('house', at + core.limits.reapMs);
  core.health.forget(at);
  if (!core.sweep.isOn) startSweep(core, at);
  if (!core.house.isRound) {
    core.house.isRound = true;
    goRound(core, wholeRound(core), at, () => {
      core.house.isRound = false;
    });
  }
  const { house, limits, turns } = core;
  const records = turns.position - house.snapshotPosition;
  const isDue = records > 0 && at - house.snapshotAt >= limits.snapshotMsMax;
  // A picture costs by the row and spares by the record: neither may outgrow the other.
  const recordsMax = Math.max(limits.snapshotRecordsMax, core.books.rows.count / 4);
  if (house.isSaving || (!isDue && records < recordsMax)) return;
  takePicture(core, at);
}

/** Saves a picture of the books at once; for the end, when nothing is in flight. */
export function saveSnapshot(core: Core, at: number, done: () => void): void {
  const { books } = core;
  // One that is being made is given up: what is in it is older.
  const isWriting = core.house.isSaving && !books.isWatched;
  if (isWriting) return done();
  const begun = beginPicture(core, at);
  const { bytes, lowest } = pictureOf(books);
  save(core, begun, bytes, lowest, done);
}

/** Where a picture stands in the log. */
interface Begun {
  readonly position: number;
  /** The lowest position needed besides those of its messages. */
  readonly needed: number;
}

function beginPicture(core: Core, at: number): Begun {
  const { house, turns } = core;
  house.isSaving = true;
  house.snapshotAt = at;
  house.snapshotPosition = turns.position;
  return { position: turns.position - 1, needed: Math.min(turns.position, lowestOwed(core)) };
}

/** Takes a picture of the books as they are now; it is made in the turns that follow. */
function takePicture(core: Core, at: number): void {
  const begun = beginPicture(core, at);
  const picture = new Picture(core.books);
  core.books.watchedBy(picture);
  core.sweep.isForgetting = true;
  goRound(core, paint(core, picture, begun), at);
}

function* paint(core: Core, picture: Picture, begun: Begun): Way {
  const bytes = yield* picture.make();
  // It shows turns that may still be in flight: it must not be on disk before they are.
  core.turns.promise(() => save(core, begun, bytes, picture.lowest));
}

function save(
  core: Core,
  begun: Begun,
  bytes: Uint8Array,
  lowest: number,
  done?: () => void,
): void {
  const { house, ports } = core;
  // A living message, or a report of one that is owed, needs its envelope, which is in the log.
  const needed = Math.min(begun.needed, lowest);
  house.floors.note(begun.position, needed);
  ports.log.saveSnapshot(begun.position, bytes, (fault) => {
    house.isSaving = false;
    if (fault !== undefined) core.log('warn', `no snapshot: ${fault.cause}`);
    else ports.log.releaseBefore(house.floors.lowestOf(house.readers(), needed));
    done?.();
  });
}

/** The long ways of one round, one after the other. */
function* wholeRound(core: Core): Way {
  yield* forgetHeldQueues(core);
  yield* retireQueues(core);
  yield* reapReadyQueues(core);
  yield* compactBodies(core);
}

function* forgetHeldQueues(core: Core): Way {
  const step = looksAtOnce(core);
  let at = yield;
  let looks = 0;
  for (const queue of core.queues.values()) {
    looks += 1;
    if (looks % step === 0) at = yield step;
    const { slot } = queue.row;
    const isBusy = queue.due.length > 0 || queue.waitsFor.size > 0 || queue.isRouting;
    if (core.queues.get(slot) !== queue || isBusy || at - queue.usedAt < HOLD_IDLE_MS) continue;
    endTurns(core, queue);
    releaseQueue(core, queue);
    core.queues.delete(slot);
  }
}

function* retireQueues(core: Core): Way {
  const { queues } = core.books;
  const step = looksAtOnce(core);
  let at = yield;
  for (let slot = 0; slot < queues.length; slot += 1) {
    if (slot % step === step - 1) at = yield step;
    const row = queues[slot];
    if (row === undefined || row.count > 0 || row.state !== 'ready') continue;
    const config = core.answers.recordedQueueConfig(row.answer);
    if (at - row.emptySince < config.reap_interval) continue;
    retireQueue(core, row, at);
    at = yield RETIRE_LOOKS;
  }
}

/** Asked once more: how long it may be idle may have changed since. */
function retireQueue(core: Core, row: QueueRow, at: number): void {
  keepCurrent(core, row, at);
  if (at - row.emptySince < core.answers.recordedQueueConfig(row.answer).reap_interval) return;
  const held = core.queues.get(row.slot);
  if (held?.isRouting) return;
  for (const ready of held?.waitsFor ?? []) ready.waiting.delete(held as never);
  if (held !== undefined) {
    releaseQueue(core, held);
    endTurns(core, held);
  }
  core.queues.delete(row.slot);
  core.turns.emit({ type: 'queue.retired', stream: row.name, body: {} });
}
