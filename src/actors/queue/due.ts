/**
 * A scheduled queue's due rows: what happens when the wheel rings, and what is held about a queue
 * while it has due rows (configuration, pool, route). Nothing is done with configuration that is
 * out of date. Knows neither ready queues nor connections.
 */

import type { QueueRow } from '../../domain/books.ts';
import { invariant } from '../../domain/invariant.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import { ROW_QUARANTINED } from '../../domain/rows.ts';
import type { Core, HeldQueue } from '../core.ts';
import { PLACE_DUE, PLACE_LEAVING, PLACE_WAITING } from '../held-rows.ts';
import { expiresAtOf, movePlace } from '../rows-in-hand.ts';
import { makeQueueShaping } from '../shaping.ts';
import { SlotRing } from '../slot-ring.ts';
import { postponeShut, shutOver, watchRow } from '../windows.ts';
import { keepCurrent } from './configuring.ts';

/** What is held about a queue; made when it is first needed. */
export function holdQueue(core: Core, row: QueueRow, at: number): HeldQueue {
  const known = core.queues.get(row.slot);
  if (known !== undefined) {
    known.usedAt = at;
    keepCurrent(core, row, at);
    return known;
  }
  keepCurrent(core, row, at);
  const config = core.answers.recordedQueueConfig(row.answer);
  const queue: HeldQueue = {
    row,
    name: parseQueueName(row.name),
    config,
    robin: undefined,
    site: undefined,
    siteExpiresAt: 0,
    isRouting: false,
    route: 0,
    due: new SlotRing(),
    passed: -1,
    passedTicket: 0,
    waitsFor: new Set(),
    turns: new Map(),
    calledBy: undefined,
    shaping: makeQueueShaping(row.name, config, () => core.touchedQueues.add(queue)),
    usedAt: at,
  };
  core.queues.set(row.slot, queue);
  return queue;
}

/** The wheel rang for a row. */
export function rowRang(
  core: Core,
  slot: number,
  at: number,
  expire: (slot: number) => void,
): void {
  const { rows } = core.books;
  invariant(rows.isLive(slot), `the wheel rang for the empty slot ${slot}`);
  keepCurrent(core, core.books.queueOfRow(slot), at);
  const expiresAt = expiresAtOf(core, slot);
  if (at >= expiresAt) {
    expire(slot);
    return;
  }
  const place = core.held.placeOf(slot);
  const dueAt = rows.columns.dueAt[slot] as number;
  const isSetAside = ((rows.columns.flags[slot] as number) & ROW_QUARANTINED) !== 0;
  if (place === PLACE_LEAVING) return;
  if (isSetAside) core.wheel.set(slot, expiresAt);
  else if (place === PLACE_WAITING && dueAt > at) core.wheel.set(slot, Math.min(dueAt, expiresAt));
  else if (shutOver(core, slot, at)) return;
  else if (place !== PLACE_WAITING) watchRow(core, slot, at);
  else {
    core.measures.tardinessSeconds.observe((at - dueAt) / 1000);
    rowIsDue(core, slot, at);
  }
}

/** Puts a row into its queue's ring of due rows; from here the wheel only watches its age. */
export function rowIsDue(core: Core, slot: number, at: number): void {
  const queue = holdQueue(core, core.books.queueOfRow(slot), at);
  const ticket = movePlace(core, slot, PLACE_DUE);
  queue.due.push(slot, ticket);
  watchRow(core, slot, at);
  core.touchedQueues.add(queue);
}

/** Puts a row that was made ready back in front of its queue's due rows, if it may still go. */
export function rowGoesBack(core: Core, slot: number, at: number): void {
  if (postponeShut(core, slot, at)) return;
  const queue = holdQueue(core, core.books.queueOfRow(slot), at);
  queue.due.unshift(slot, movePlace(core, slot, PLACE_DUE));
  core.touchedQueues.add(queue);
}
