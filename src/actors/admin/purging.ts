/**
 * Purges (admin bounces): messages of queues that a purge is about come to their end wherever they
 * wait. What a connection has in hand is left alone; it is met again when it goes back to its
 * queue. A round takes those that are there when the order comes, what comes later is caught on its
 * way; both share what one turn may write. Places and ends no rule.
 */
import type { AdminRule } from '../../domain/admin-rules.ts';
import type { QueueRow } from '../../domain/books.ts';
import type { Core, HeldQueue } from '../core.ts';
import { PLACE_LEAVING, PLACE_OFFERED } from '../held-rows.ts';
import { addressesOf, emitLast, leftIndexes, messageIdOf, whereaboutsOf } from '../rows-in-hand.ts';
import { allQueues, walkQueues } from './walking.ts';

/** Ends a message for all recipients that are left. */
export function purgeRow(core: Core, slot: number, purge: AdminRule): void {
  core.adminLeft -= 1;
  core.settledNow += 1;
  const ready = core.readyOf.get(slot);
  if (ready !== undefined) core.touchedReady.add(ready);
  const index = leftIndexes(core, slot);
  const to = addressesOf(core.held.find(slot), index);
  emitLast(core, slot, {
    type: 'message.purged',
    stream: messageIdOf(core, slot),
    body: {
      to,
      index,
      purge: purge.id,
      ...whereaboutsOf(core, slot),
      code: 551,
      enhanced: '5.7.1',
      text: `Administrator bounced with reason: ${purge.cause}`,
      ...(purge.isQuiet ? { quiet: 1 as const } : {}),
    },
  });
}

/** Ends a row that nobody has in hand any more, and answers true, where a purge is about it. */
export function purgeReturned(core: Core, slot: number): boolean {
  const { purge } = core.rules.verdictOf(core.books.queueOfRow(slot));
  if (purge !== undefined) purgeRow(core, slot, purge);
  return purge !== undefined;
}

/** Ends the due rows of a queue, as many as the turn may; the rest in later ones. */
export function purgeDue(core: Core, queue: HeldQueue, purge: AdminRule): void {
  while (core.adminLeft > 0) {
    const slot = queue.due.shift(core.held.isGood);
    if (slot < 0) return;
    purgeRow(core, slot, purge);
  }
  if (core.isStopping) return;
  core.turns.push({ kind: 'run', run: () => void core.touchedQueues.add(queue) });
}

/** Goes through all queues once for a purge that was ordered, or found at the start of a run. */
export function startPurge(core: Core, id: string, at: number): void {
  let from = -1;
  const isOn = (): boolean => core.books.rules.find(id) !== undefined;
  const visit = (row: QueueRow): boolean => {
    from = purgeQueue(core, row, from);
    return from < 0;
  };
  walkQueues(core, allQueues(core), { isOn, visit }, at);
}

/** Ends a queue's rows from message number `from` on; answers where to go on, -1 = all done. */
function purgeQueue(core: Core, row: QueueRow, from: number): number {
  const { purge } = core.rules.verdictOf(row);
  if (purge === undefined || row.count === 0) return -1;
  const { rows } = core.books;
  let slot = from < 0 ? -1 : rows.find(from);
  // Gone meanwhile, or in another queue: from the head again, which meets nothing twice.
  if (slot < 0 || core.books.queueOfRow(slot) !== row) slot = row.head;
  while (slot >= 0) {
    if (core.adminLeft <= 0) return rows.columns.number[slot] as number;
    const after = rows.next[slot] as number;
    const place = core.held.placeOf(slot);
    if (place !== PLACE_OFFERED && place !== PLACE_LEAVING) purgeRow(core, slot, purge);
    slot = after;
  }
  return -1;
}
