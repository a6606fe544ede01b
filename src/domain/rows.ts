/**
 * The living messages as columns: one row each, in typed arrays, so that a million cost some 100 MB
 * and a snapshot is a copy. A row is named by its slot; slots are used again. Rows of a queue are
 * chained. Knows numbers only: no envelopes (they are in the log), no timers, no policy.
 */
import { invariant } from './invariant.ts';
import { Schedules } from './schedule.ts';
import { SlotIndex } from './slot-index.ts';

const NONE = -1;
const SLOTS_FIRST = 1024;

/** A bit of the `flags` column: the body holds 8-bit bytes. */
export const ROW_EIGHT_BIT = 1;
/** The envelope or the header holds UTF-8 (RFC 6531). */
export const ROW_SMTP_UTF8 = 2;
/** Set aside: never offered, expires in time. */
export const ROW_QUARANTINED = 4;
/** An offer stands in the log without its outcome. */
export const ROW_OFFERED = 8;
/** Its sender is null: nobody is told of what becomes of it (RFC 5321 section 4.5.5). */
export const ROW_NULL_SENDER = 16;
/** Its last attempt failed because the policy gave no source for it. */
export const ROW_SOURCELESS = 32;

/** What a new row holds. */
export interface RowFields {
  readonly number: number;
  readonly acceptedAt: number;
  readonly dueAt: number;
  readonly position: number;
  readonly bodySegment: number;
  readonly bodyOffset: number;
  readonly bodyBytes: number;
  readonly bodySum: number;
  readonly queue: number;
  readonly recipients: number;
  readonly flags: number;
}

/** The columns, in the order in which a snapshot holds them. */
const makeColumns = (slots: number) => ({
  number: new Float64Array(slots),
  acceptedAt: new Float64Array(slots),
  dueAt: new Float64Array(slots),
  position: new Float64Array(slots),
  bodyOffset: new Float64Array(slots),
  bodySegment: new Uint32Array(slots),
  bodyBytes: new Uint32Array(slots),
  bodySum: new Uint32Array(slots),
  queue: new Int32Array(slots).fill(NONE),
  attempts: new Uint16Array(slots),
  recipients: new Uint16Array(slots),
  flags: new Uint8Array(slots),
});

/** The columns of the rows. */
export type RowColumns = ReturnType<typeof makeColumns>;

/** Hears of rows that are about to change. */
export interface RowsWatcher {
  beforeRow(slot: number): void;
}

/** All living messages. */
export class Rows {
  /** Set by the books that the rows belong to. */
  watcher: RowsWatcher | undefined;
  columns: RowColumns = makeColumns(SLOTS_FIRST);
  /** Chain of a queue's rows (and of free slots, by `next`). */
  next: Int32Array = new Int32Array(SLOTS_FIRST).fill(NONE);
  prev: Int32Array = new Int32Array(SLOTS_FIRST).fill(NONE);
  /** How many rows live. */
  count = 0;
  /** Slots ever used; all slots at or past it are fresh. */
  slotsUsed = 0;
  #free = NONE;
  readonly #slotOf = new SlotIndex((slot) => this.columns.number[slot] as number);
  /** Recipients already settled, for the few rows that had several: slot → index set. */
  readonly settled = new Map<number, Set<number>>();
  /** Expiry and hours of the rows that brought their own. */
  readonly schedules = new Schedules();

  /** The slot of message `number`, or -1. */
  find(number: number): number {
    return this.#slotOf.find(number);
  }

  /** To be called before anything of a row, or its place in a chain, is changed; -1 is none. */
  touch(slot: number): void {
    if (this.watcher !== undefined && slot >= 0) this.watcher.beforeRow(slot);
  }

  isLive(slot: number): boolean {
    return slot >= 0 && slot < this.slotsUsed && this.columns.queue[slot] !== NONE;
  }

  add(fields: RowFields): number {
    invariant(
      this.#slotOf.find(fields.number) === NONE,
      `message ${fields.number} is known already`,
    );
    const slot = this.#takeSlot();
    this.touch(slot);
    const c = this.columns;
    c.number[slot] = fields.number;
    c.acceptedAt[slot] = fields.acceptedAt;
    c.dueAt[slot] = fields.dueAt;
    c.position[slot] = fields.position;
    c.bodySegment[slot] = fields.bodySegment;
    c.bodyOffset[slot] = fields.bodyOffset;
    c.bodyBytes[slot] = fields.bodyBytes;
    c.bodySum[slot] = fields.bodySum;
    c.queue[slot] = fields.queue;
    c.attempts[slot] = 0;
    c.recipients[slot] = fields.recipients;
    c.flags[slot] = fields.flags;
    this.#slotOf.add(slot);
    this.count += 1;
    return slot;
  }

  /**
   * Fills an empty book with `count` rows whose columns were set from slot 0 on; their chains are
   * the loader's affair.
   */
  adopt(count: number): void {
    invariant(this.slotsUsed === 0, 'only an empty book adopts rows');
    this.#slotOf.reserve(count);
    for (let slot = 0; slot < count; slot += 1) this.#slotOf.add(slot);
    this.slotsUsed = count;
    this.count = count;
  }

  remove(slot: number): void {
    invariant(this.isLive(slot), `slot ${slot} holds no message`);
    this.touch(slot);
    this.#slotOf.remove(this.columns.number[slot] as number);
    this.columns.queue[slot] = NONE;
    this.settled.delete(slot);
    this.schedules.delete(slot);
    this.next[slot] = this.#free;
    this.#free = slot;
    this.count -= 1;
  }

  /** Marks recipients as settled; true when none is left. */
  settle(slot: number, indexes: readonly number[]): boolean {
    const left = (this.columns.recipients[slot] as number) - indexes.length;
    this.touch(slot);
    invariant(left >= 0, `more outcomes than recipients in slot ${slot}`);
    const before = this.settled.get(slot);
    for (const index of indexes) {
      invariant(!before?.has(index), `recipient ${index} of slot ${slot} settled twice`);
    }
    this.columns.recipients[slot] = left;
    if (left === 0) return true;
    const done = before ?? new Set<number>();
    for (const index of indexes) done.add(index);
    this.settled.set(slot, done);
    return false;
  }

  /** Calls `each` for every living row. */
  each(each: (slot: number) => void): void {
    for (let slot = 0; slot < this.slotsUsed; slot += 1) {
      if (this.columns.queue[slot] !== NONE) each(slot);
    }
  }

  #takeSlot(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.next[slot] as number;
      return slot;
    }
    if (this.slotsUsed === this.next.length) this.reserve(this.next.length * 2);
    this.slotsUsed += 1;
    return this.slotsUsed - 1;
  }

  /** Makes room for `slots` rows in all. */
  reserve(slots: number): void {
    if (slots <= this.next.length) return;
    const wider = makeColumns(slots);
    for (const name of Object.keys(wider) as (keyof RowColumns)[]) {
      wider[name].set(this.columns[name]);
    }
    this.columns = wider;
    const next = new Int32Array(slots).fill(NONE);
    next.set(this.next);
    const prev = new Int32Array(slots).fill(NONE);
    prev.set(this.prev);
    this.next = next;
    this.prev = prev;
  }
}
