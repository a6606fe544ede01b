/**
 * Moving messages to another queue: because the policy says so when one goes back to its queue, or
 * because an operator asks. Id, body, recipients left and attempts stay; queue and due time change.
 * A message in the hands of a connection is left alone. Judges no reply.
 */
import type { MessageView, RareHandler } from '../domain/policy-asker.ts';
import type { QueueMove } from '../domain/queue-change.ts';
import { moveQueueName } from '../domain/queue-change.ts';
import { formatQueueName, parseQueueName } from '../domain/queue-name.ts';
import { purgeReturned } from './admin/purging.ts';
import type { Core } from './core.ts';
import type { HotRow } from './held-rows.ts';
import { PLACE_DUE, PLACE_WAITING } from './held-rows.ts';
import { openQueue } from './queue/configuring.ts';
import { messageIdOf, movePlace, partOf, waitForDue, whereaboutsOf } from './rows-in-hand.ts';
import { dueWithin } from './windows.ts';

/** Messages an operator's wish moves in one turn. */
export const REBIND_ROWS_MAX = 256;

/** A message as handlers see it. */
export function viewOf(core: Core, slot: number): MessageView {
  const c = core.books.rows.columns;
  const queue = core.books.queueOfRow(slot).name;
  const { domain, tenant, campaign, routing_domain } = parseQueueName(queue);
  return Object.freeze({
    id: messageIdOf(core, slot),
    queue,
    domain,
    tenant,
    campaign,
    routing_domain,
    num_attempts: c.attempts[slot] as number,
    created_at: c.acceptedAt[slot] as number,
    body_bytes: c.bodyBytes[slot] as number,
    meta: core.held.find(slot)?.meta,
  });
}

const VIEWERS: readonly RareHandler[] = [
  'requeue_message',
  'rebind_message',
  'throttle_insert_ready_queue',
];

/** The metadata of a message as they are held for handlers; nothing where there is none to see. */
export const heldMeta = (
  core: Core,
  meta: Readonly<Record<string, unknown>> | undefined,
): Pick<HotRow, 'meta'> =>
  meta !== undefined && VIEWERS.some((handler) => core.answers.hears(handler))
    ? { meta: Object.freeze(meta) }
    : {};

/** The name of the queue that a move leads to. */
export const queueAfter = (queue: string, move: QueueMove): string =>
  formatQueueName(moveQueueName(parseQueueName(queue), move));

/** What the policy says about a message that goes back to its queue; undefined: nothing. */
export function askRequeue(
  core: Core,
  slot: number,
  about: { response: string; context: string; isAttempt: boolean; delayMs: number | undefined },
): QueueMove | undefined {
  if (!core.answers.hears('requeue_message')) return undefined;
  const { response, context, isAttempt, delayMs } = about;
  const { messages } = core.answers;
  return messages.requeue(viewOf(core, slot), response, [context], isAttempt, delayMs);
}

/** What readers are told of a move besides. */
export interface ReboundFlags {
  readonly admin?: 1;
  readonly quiet?: 1;
}

/** Moves a row that nobody has in hand; it is due at `due`, in a later turn at the earliest. */
export function rebindRow(
  core: Core,
  slot: number,
  to: { queue: string; due: number; cause: string } & ReboundFlags,
  at: number,
): void {
  const { queue: from, origin, attempts } = whereaboutsOf(core, slot);
  if (core.books.findQueue(to.queue) === undefined) openQueue(core, to.queue, at);
  const due = dueWithin(core, slot, to.due);
  core.turns.emit({
    type: 'message.rebound',
    stream: messageIdOf(core, slot),
    body: { from, ...to, due, origin, attempts, index: partOf(core, slot) },
  });
  core.tallies.rebound += 1;
  // Over the wheel: a policy that moves a message to and fro must not keep one turn busy for ever.
  waitForDue(core, slot);
  purgeReturned(core, slot);
}

/** What an operator wishes to move. */
export interface RebindWish {
  /** Without it the policy is asked. */
  readonly move: QueueMove | undefined;
  readonly data: Readonly<Record<string, string>>;
  readonly isFlush: boolean;
  readonly why: string;
  readonly flags?: ReboundFlags;
}

/** Moves one message as wished; false where it is not waiting for anything but time and room. */
export function rebindOne(core: Core, slot: number, wish: RebindWish, at: number): boolean {
  const place = core.held.placeOf(slot);
  if (place !== PLACE_WAITING && place !== PLACE_DUE) return false;
  const { move: given, data, isFlush, why, flags = { admin: 1 } } = wish;
  const move = given ?? core.answers.messages.rebind(viewOf(core, slot), data) ?? {};
  const name = core.books.queueOfRow(slot).name;
  const queue = queueAfter(name, move);
  // Where nothing changes the message keeps its schedule; the reference would bring it forward.
  if (queue === name && move.delayMs === undefined && !isFlush) return true;
  movePlace(core, slot, PLACE_WAITING);
  const due = at + (move.delayMs ?? 0);
  rebindRow(core, slot, { queue, due, cause: why, ...flags }, at);
  return true;
}

/** Moves all messages that a queue has now, some a turn; `done` with the last of them durable. */
export function rebindQueue(
  core: Core,
  queue: string,
  wish: RebindWish,
  done: () => void,
  at: number,
): void {
  const { rows } = core.books;
  const row = core.books.findQueue(queue);
  const numbers: number[] = [];
  for (let slot = row?.head ?? -1; slot >= 0; slot = rows.next[slot] as number) {
    numbers.push(rows.columns.number[slot] as number);
  }
  const slice = (from: number, now: number): void => {
    const upto = Math.min(numbers.length, from + REBIND_ROWS_MAX);
    for (let next = from; next < upto; next += 1) {
      const slot = rows.find(numbers[next] as number);
      if (slot >= 0 && core.books.queueOfRow(slot).name === queue) rebindOne(core, slot, wish, now);
    }
    if (upto === numbers.length) core.turns.promise(done);
    else core.turns.push({ kind: 'run', run: (later) => slice(upto, later) });
  };
  slice(0, at);
}
