/**
 * What the engine holds about living rows and the log does not: in which hands a row is just now,
 * and, for hot rows, envelope and body in memory. All of it dies with the process. Bounded: past
 * the bounds a row is cold and is read back from log and body store when its turn comes.
 */
import type { Limits } from '../domain/limits.ts';

/** A row waits on the wheel for its due time. */
export const PLACE_WAITING = 0;
/** Due; in its scheduled queue's ring, waiting for room in a ready queue. */
export const PLACE_DUE = 1;
/** In a ready queue. */
export const PLACE_READY = 2;
/** In the hands of a connection. */
export const PLACE_OFFERED = 3;
/** On its way out: expiring or being set aside. */
export const PLACE_LEAVING = 4;

/** Envelope of a hot row, with the body while it is kept. */
export interface HotRow {
  readonly from: string;
  readonly to: readonly string[];
  body: readonly Buffer[] | undefined;
  readonly bodyBytes: number;
  /** Kept only where a handler of the policy would see it. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
}

/** Places, tickets and hot rows by slot. */
export class HeldRows {
  #place = new Uint8Array(1024);
  #ticket = new Uint32Array(1024);
  readonly #hot = new Map<number, HotRow>();
  #bodyBytes = 0;
  #bodies = 0;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get hotRows(): number {
    return this.#hot.size;
  }

  /** Hot rows whose body is in memory. */
  get hotBodies(): number {
    return this.#bodies;
  }

  get hotBodyBytes(): number {
    return this.#bodyBytes;
  }

  placeOf(slot: number): number {
    return this.#place[slot] ?? PLACE_WAITING;
  }

  /** Moves a row to a place; every ticket given out for it before is stale from here on. */
  place(slot: number, place: number): number {
    if (slot >= this.#place.length) this.#grow(slot);
    this.#place[slot] = place;
    const ticket = ((this.#ticket[slot] as number) + 1) >>> 0;
    this.#ticket[slot] = ticket;
    return ticket;
  }

  readonly isGood = (slot: number, ticket: number): boolean => this.#ticket[slot] === ticket;

  /** The ticket in force for a row. */
  ticketOf(slot: number): number {
    return this.#ticket[slot] ?? 0;
  }

  find(slot: number): HotRow | undefined {
    return this.#hot.get(slot);
  }

  /** Keeps an envelope, and its body if there is room; a row that was drawn is kept in any case. */
  heat(slot: number, row: HotRow, isDrawn = false): void {
    this.cool(slot);
    if (!isDrawn && this.#hot.size >= this.#limits.hotRowsMax) return;
    const hasRoom = this.#bodyBytes + row.bodyBytes <= this.#limits.hotBodyBytesMax;
    if (!hasRoom) row.body = undefined;
    this.#countBody(row, 1);
    this.#hot.set(slot, row);
  }

  /** Forgets envelope and body. */
  cool(slot: number): void {
    const row = this.#hot.get(slot);
    if (row === undefined) return;
    this.#countBody(row, -1);
    this.#hot.delete(slot);
  }

  #countBody(row: HotRow, by: 1 | -1): void {
    if (row.body === undefined) return;
    this.#bodies += by;
    this.#bodyBytes += by * row.bodyBytes;
  }

  #grow(slot: number): void {
    let size = this.#place.length;
    while (size <= slot) size *= 2;
    const place = new Uint8Array(size);
    place.set(this.#place);
    const ticket = new Uint32Array(size);
    ticket.set(this.#ticket);
    this.#place = place;
    this.#ticket = ticket;
  }
}
