/**
 * Moving a living row from hand to hand: waiting, due, ready, offered, gone. The one place where
 * books, timer wheel, held envelopes and body references are kept in step. Decides nothing.
 */

import type { QueueRow } from '../domain/books.ts';
import { isDeferredSegment } from '../domain/deferred-place.ts';
import { formatMessageId } from '../domain/message-id.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { Event } from '../events/catalogue.ts';
import type { Core, ReadyQueue } from './core.ts';
import { refundFares } from './fares.ts';
import type { HotRow } from './held-rows.ts';
import { PLACE_DUE, PLACE_OFFERED, PLACE_READY, PLACE_WAITING } from './held-rows.ts';
import { noteForReport } from './ndr-notes.ts';
import type { Kept } from './recorded.ts';

const isBacklog = (place: number): boolean => place === PLACE_DUE || place === PLACE_READY;
const isPlaced = (place: number): boolean => place === PLACE_READY || place === PLACE_OFFERED;

/** Moves a row to a place and answers its new ticket. */
export function movePlace(core: Core, slot: number, place: number, ready?: ReadyQueue): number {
  const from = core.held.placeOf(slot);
  if (from === PLACE_READY) {
    const old = core.readyOf.get(slot);
    if (old !== undefined) leaveReady(core, old);
    core.readyOf.delete(slot);
  }
  // Wherever else it goes, the attempt that it paid for is not made.
  if (place !== PLACE_READY && place !== PLACE_OFFERED) refundFares(core, slot);
  if (place === PLACE_READY && ready !== undefined) {
    ready.size += 1;
    core.readyOf.set(slot, ready);
  }
  core.backlog += Number(isBacklog(place)) - Number(isBacklog(from));
  if (isPlaced(place) && !isPlaced(from)) {
    core.placed.enter(slot, core.books.rows.columns.queue[slot] as number);
  } else if (isPlaced(from) && !isPlaced(place)) core.placed.leave(slot);
  return core.held.place(slot, place);
}

/** A row less: who waits for room is told, whatever took it away. */
function leaveReady(core: Core, ready: ReadyQueue): void {
  ready.size -= 1;
  if (ready.waiting.size > 0) core.touchedReady.add(ready);
}

/** The configuration on record for a row's queue; see `keepCurrent`. */
export function recordedConfigOf(core: Core, slot: number): QueueConfig {
  return core.answers.recordedQueueConfig(core.books.queueOfRow(slot).answer);
}

/** How old a queue's messages may grow, in milliseconds. */
export function maxAgeOf(core: Pick<Kept, 'answers'>, queue: QueueRow): number {
  return core.answers.recordedQueueConfig(queue.answer).max_age;
}

/** When a row expires: as it brought along itself, else when it grows too old for its queue. */
export function expiresAtOf(core: Pick<Kept, 'books' | 'answers'>, slot: number): number {
  const own = core.books.rows.schedules.get(slot)?.expires;
  if (own !== undefined) return own;
  const maxAgeMs = maxAgeOf(core, core.books.queueOfRow(slot));
  return (core.books.rows.columns.acceptedAt[slot] as number) + maxAgeMs;
}

/** The message id of a row. */
export function messageIdOf(core: Pick<Kept, 'books'>, slot: number): string {
  const c = core.books.rows.columns;
  const { node } = core.books.engine;
  return formatMessageId(c.acceptedAt[slot] as number, node, c.number[slot] as number);
}

/** Where the acceptance of a row is, and its queue: for those who read the log. */
export function originOf(core: Core, slot: number): { origin: number; queue: string } {
  const { rows } = core.books;
  const { name } = core.books.queueOfRow(slot);
  return { origin: rows.columns.position[slot] as number, queue: name };
}

/** The same with the attempts made. */
export function whereaboutsOf(core: Core, slot: number) {
  const attempts = core.books.rows.columns.attempts[slot] as number;
  return { ...originOf(core, slot), attempts };
}

/** Who is left of a row's recipients, where that is not all of them. */
export const partOf = (core: Core, slot: number): number[] | undefined =>
  core.books.rows.settled.has(slot) ? leftIndexes(core, slot) : undefined;

/** Indexes of the recipients that have no outcome yet. */
export function leftIndexes(core: Pick<Kept, 'books'>, slot: number): number[] {
  const { rows } = core.books;
  const left = rows.columns.recipients[slot] as number;
  const done = rows.settled.get(slot);
  const indexes: number[] = [];
  for (let index = 0; indexes.length < left; index += 1) {
    if (!done?.has(index)) indexes.push(index);
  }
  return indexes;
}

/** The addresses at these indexes; none where the envelope is not in memory. */
export function addressesOf(
  envelope: { readonly to: readonly string[] } | undefined,
  index: readonly number[],
): string[] {
  if (envelope === undefined) return [];
  return index.map((at) => envelope.to[at] as string);
}

/** What waits is not to wait in memory only: at the end of the turn its body is written. */
export function wantStored(core: Core, slot: number): void {
  const { bodySegment, number } = core.books.rows.columns;
  if (!isDeferredSegment(bodySegment[slot] as number)) return;
  core.spool.wanted.add(number[slot] as number);
}

/** Puts a row on the wheel to wait for its due time or its expiry, whichever is first. */
export function waitForDue(core: Core, slot: number): void {
  movePlace(core, slot, PLACE_WAITING);
  wantStored(core, slot);
  const dueAt = core.books.rows.columns.dueAt[slot] as number;
  core.wheel.set(slot, Math.min(dueAt, expiresAtOf(core, slot)));
}

/** Emits an event that may be the row's last, and lets go of everything held for it if so. */
export function emitLast(core: Core, slot: number, event: Event): void {
  const { rows } = core.books;
  const c = rows.columns;
  const number = c.number[slot] as number;
  const segment = c.bodySegment[slot] as number;
  const bodyBytes = c.bodyBytes[slot] as number;
  noteForReport(core, slot, event);
  core.turns.emit(event);
  if (rows.find(number) === slot) return;
  core.wheel.clear(slot);
  movePlace(core, slot, PLACE_WAITING);
  core.held.cool(slot);
  core.cycles.delete(slot);
  core.drawing.delete(slot);
  // The body goes only after the event that ends the message is durable.
  core.turns.promise(() => core.ports.bodies.refer(segment, -1, bodyBytes));
}

/** True while a connection has the row in its hands. */
export const isOffered = (core: Core, slot: number): boolean =>
  core.held.placeOf(slot) === PLACE_OFFERED;

/** The envelope if it is in memory; otherwise asks the log for it and answers undefined. */
export function needEnvelope(
  core: Core,
  slot: number,
  purpose: 'ready' | 'expire',
): HotRow | undefined {
  const hot = core.held.find(slot);
  if (hot !== undefined) return hot;
  const known = core.drawing.get(slot);
  if (known === undefined) core.drawNow.push(slot);
  if (known !== 'expire') core.drawing.set(slot, purpose);
  return undefined;
}
