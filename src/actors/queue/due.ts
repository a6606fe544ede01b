/**
 * A scheduled queue's due rows: what happens when the wheel rings, and what is held about a queue
 * while it has due rows (configuration, pool, route). Configuration is asked for again when it is
 * older than its refresh interval. Knows neither ready queues nor connections.
 */

import type { QueueRow } from '../../domain/books.ts';
import { invariant } from '../../domain/invariant.ts';
import { UNSPECIFIED } from '../../domain/options-egress.ts';
import { parseQueueName } from '../../domain/queue-name.ts';
import { ROW_QUARANTINED } from '../../domain/rows.ts';
import type { Core, HeldQueue, Member } from '../core.ts';
import { PLACE_DUE, PLACE_LEAVING, PLACE_WAITING } from '../held-rows.ts';
import { expiresAtOf, movePlace } from '../rows-in-hand.ts';
import { SlotRing } from '../slot-ring.ts';

/** What is held about a queue; made when it is first needed. */
export function holdQueue(core: Core, row: QueueRow, at: number): HeldQueue {
  const known = core.queues.get(row.slot);
  if (known !== undefined) {
    known.usedAt = at;
    return known;
  }
  const name = parseQueueName(row.name);
  const answer = core.answers.queueConfig(name);
  noteAnswer(core, row, answer.key);
  const queue: HeldQueue = {
    row,
    name,
    config: answer.value,
    members: findMembers(core, answer.value.egress_pool ?? UNSPECIFIED),
    askedAt: at,
    robin: { idx: 0, cw: 0 },
    site: undefined,
    siteExpiresAt: 0,
    isRouting: false,
    due: new SlotRing(),
    waitsFor: new Set(),
    usedAt: at,
  };
  core.queues.set(row.slot, queue);
  return queue;
}

/** Asks the policy again when the answer is too old. The round robin survives an equal pool. */
export function refreshQueue(core: Core, queue: HeldQueue, at: number): void {
  if (at - queue.askedAt < queue.config.refresh_interval) return;
  const answer = core.answers.queueConfig(queue.name);
  queue.askedAt = at;
  noteAnswer(core, queue.row, answer.key);
  if (JSON.stringify(answer.value.protocol) !== JSON.stringify(queue.config.protocol)) {
    queue.siteExpiresAt = 0;
    queue.site = undefined;
  }
  queue.config = answer.value;
  const members = findMembers(core, answer.value.egress_pool ?? UNSPECIFIED);
  if (JSON.stringify(members) === JSON.stringify(queue.members)) return;
  queue.members = members;
  queue.robin = { idx: 0, cw: 0 };
}

function noteAnswer(core: Core, row: QueueRow, key: string): void {
  if (row.answer === key) return;
  core.turns.emit({ type: 'queue.configured', stream: row.name, body: { answer: key } });
}

function findMembers(core: Core, pool: string): Member[] {
  const entries = core.answers.pool(pool)?.entries ?? [];
  const members: Member[] = [];
  for (const { name, weight } of entries) {
    if (weight > 0 && core.answers.source(name) !== undefined) members.push({ name, weight });
  }
  return members;
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
  const expiresAt = expiresAtOf(core, slot);
  if (at >= expiresAt) {
    expire(slot);
    return;
  }
  const place = core.held.placeOf(slot);
  const dueAt = rows.columns.dueAt[slot] as number;
  const isSetAside = ((rows.columns.flags[slot] as number) & ROW_QUARANTINED) !== 0;
  if (place !== PLACE_WAITING || isSetAside) {
    if (place !== PLACE_LEAVING) core.wheel.set(slot, expiresAt);
    return;
  }
  if (dueAt > at) core.wheel.set(slot, Math.min(dueAt, expiresAt));
  else rowIsDue(core, slot, at);
}

/** Puts a row into its queue's ring of due rows; from here the wheel only watches its age. */
export function rowIsDue(core: Core, slot: number, at: number): void {
  const queue = holdQueue(core, core.books.queueOfRow(slot), at);
  const ticket = movePlace(core, slot, PLACE_DUE);
  queue.due.push(slot, ticket);
  core.wheel.set(slot, expiresAtOf(core, slot));
  core.touchedQueues.add(queue);
}
