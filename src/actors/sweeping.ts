/**
 * Everything that is configured is looked at when a policy or an epoch comes into force, and now
 * and then: queues first, then ready queues, so that both follow without being used. In slices, one
 * a turn, so that a hundred thousand queues do not hold up a single message. Nothing rests on it:
 * whatever is used asks first. Decides nothing about mail.
 */
import type { QueueRow } from '../domain/books.ts';
import type { Core, ReadyQueue } from './core.ts';
import { PLACE_LEAVING } from './held-rows.ts';
import { noteInUse, refreshQueue } from './queue/configuring.ts';
import { refreshReadyQueue } from './ready-queue.ts';
import { expiresAtOf } from './rows-in-hand.ts';

/** A sweep that stands still. */
export const newSweep = () => ({
  queueAt: 0,
  queuesLeft: 0,
  ready: undefined,
  answers: new Set<string>(),
  pools: new Set<string>(),
  isForgetting: false,
  isOn: false,
  armAt: 0,
  armsLeft: 0,
  rowsLeft: 0,
});

/** Begins a round, or lets the one under way go round once more; takes its first slice. */
export function startSweep(core: Core, at: number): void {
  const { sweep } = core;
  sweep.queuesLeft = core.books.queues.length;
  sweep.ready = undefined;
  sweep.answers.clear();
  sweep.pools.clear();
  if (!sweep.isOn) sweepSlice(core, at);
}

function sweepSlice(core: Core, at: number): void {
  const { sweep } = core;
  sweep.isOn = false;
  if (core.isStopping || core.limits.sweepAsksMax === 0) return;
  sweep.rowsLeft = core.limits.sweepRowsMax;
  const isDone = sweepQueues(core, at) && sweepReadyQueues(core, at) && armRows(core);
  if (isDone) return forgetAnswers(core);
  sweep.isOn = true;
  core.turns.push({ kind: 'run', run: (later) => sweepSlice(core, later) });
}

/** What no queue rested on since the sweep began; a picture in the making goes first. */
function forgetAnswers({ answers, books, sweep }: Core): void {
  if (!sweep.isForgetting || books.isWatched) return;
  sweep.isForgetting = false;
  answers.forget([sweep.answers, sweep.pools]);
}

function sweepQueues(core: Core, at: number): boolean {
  const { sweep, books } = core;
  let { sweepLooksMax: looks, sweepAsksMax: asks } = core.limits;
  while (sweep.queuesLeft > 0) {
    if (looks === 0 || asks === 0 || sweep.rowsLeft <= 0) return false;
    looks -= 1;
    sweep.queuesLeft -= 1;
    sweep.queueAt = (sweep.queueAt + 1) % books.queues.length;
    const row = books.queues[sweep.queueAt];
    if (row === undefined) continue;
    const isRefreshed = isDue(core, row, at);
    if (isRefreshed) refreshQueue(core, row, at);
    noteInUse(core, row);
    if (!isRefreshed) continue;
    asks -= 1;
    const held = core.queues.get(row.slot);
    // Who waits for room is told of all that makes any.
    if (held !== undefined && held.due.length > 0 && held.waitsFor.size === 0) {
      core.touchedQueues.add(held);
    }
  }
  return true;
}

/** Of an older epoch; or its time has come, and it is in use or failed when it was asked for. */
function isDue(core: Core, row: QueueRow, at: number): boolean {
  if (core.asked.isCurrent(row.slot, core.epoch, at)) return false;
  if (!core.asked.isOf(row.slot, core.epoch) || core.queues.has(row.slot)) return true;
  return core.answers.recordedQueueConfig(row.answer).refresh_strategy === 'Epoch';
}

function sweepReadyQueues(core: Core, at: number): boolean {
  const { sweep } = core;
  sweep.ready ??= [...core.readyQueues.values()];
  let { sweepLooksMax: looks, sweepAsksMax: asks } = core.limits;
  for (;;) {
    const ready = sweep.ready.pop();
    if (ready === undefined) break;
    looks -= 1;
    if (core.readyQueues.get(ready.name) !== ready || !isUsed(ready)) continue;
    const isOld = ready.epoch !== core.epoch || at >= ready.nextAt;
    if (isOld) {
      asks -= 1;
      refreshReadyQueue(core, ready, at);
      core.touchedReady.add(ready);
    }
    if (looks === 0 || asks === 0) return false;
  }
  retireSources(core, at);
  return true;
}

const isUsed = ({ size, sessions, planning, waiting, shaping }: ReadyQueue): boolean =>
  size > 0 || planning > 0 || sessions.size > 0 || waiting.size > 0 || shaping.refused.size > 0;

/** Sources that neither the policy knows nor a queue still names. */
function retireSources(core: Core, at: number): void {
  const { pools } = core.sweep;
  const named = new Set<string>();
  for (const pool of pools) {
    for (const { name } of core.answers.recordedPool(pool)?.entries ?? []) named.add(name);
  }
  if (core.books.sources.size > 0) core.answers.retireSources(named, at);
}

/** A shorter life of messages hangs on the wheel only once it is set there. */
function armRows(core: Core): boolean {
  const { sweep, books, wheel } = core;
  const { rows } = books;
  while (sweep.armsLeft > 0 && rows.slotsUsed > 0) {
    if (sweep.rowsLeft <= 0) return false;
    sweep.rowsLeft -= 1;
    sweep.armsLeft -= 1;
    sweep.armAt = (sweep.armAt + 1) % rows.slotsUsed;
    const slot = sweep.armAt;
    const place = core.held.placeOf(slot);
    if (!rows.isLive(slot) || place === PLACE_LEAVING) continue;
    const expiresAt = expiresAtOf(core, slot);
    // Who waits for a rate or a window has a time of its own, which may be later than it is due.
    wheel.set(slot, Math.min(wheel.dueAt(slot) ?? expiresAt, expiresAt));
  }
  return true;
}
