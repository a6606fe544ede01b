/**
 * One timer wheel for the due times of all rows. The idea: a slot lies in the list of the highest
 * base-256 digit in which its due tick differs from the wheel's tick, so setting and clearing touch
 * one doubly linked list, and a jump of days visits only lists that hold something.
 * Deliberately unknown here: clocks (the caller says what time it is), queues, what a slot means.
 */

import type { At, Ms } from '../ports/ports.ts';

/** Due times by slot; slots are small non-negative integers (row numbers). */
export interface TimerWheel {
  readonly size: number;
  /** Sets or moves a slot's due time; a time already past rings on the next advance. */
  set(slot: number, dueAt: At): void;
  clear(slot: number): void;
  has(slot: number): boolean;
  /** The due time as it was set; undefined when the slot is not set. */
  dueAt(slot: number): At | undefined;
  /** Rings every slot due by `now`, tick by tick, each removed before it rings. */
  advance(now: At, rang: (slot: number) => void): void;
  /**
   * When to advance next; Infinity when empty. Never later than the tick of the earliest slot (or
   * the current tick when that is past), sometimes earlier: far times show as their digit's start.
   */
  nextDueAt(): At;
}

// Six digits of base 256 make 2^48 ticks: 8,900 years of milliseconds.
const LEVELS = 6;
const DIGITS = 256;
const WORDS = DIGITS / 32;
const TICKS_MAX = 2 ** 48;
const HALF = 2 ** 24;

// List heads lie in the same arrays as the slots, before them; 0 stands for "in no list".
const OVERDUE = 1;
const RINGING = 2;
const BUCKETS = 3;
const SLOTS = BUCKETS + LEVELS * DIGITS;
const SLOTS_AT_START = 1_024;
const SLOTS_MAX = 2 ** 28;

/** Makes a wheel that stands at `startAt` and rings at whole ticks of `tickMs` after it. */
export function createTimerWheel(tickMs: Ms, startAt: At): TimerWheel {
  if (!(tickMs >= 1)) throw new RangeError(`a tick of ${tickMs} ms is not at least 1 ms`);
  return new Wheel(tickMs, startAt);
}

class Wheel implements TimerWheel {
  size = 0;
  readonly #tickMs: Ms;
  readonly #startAt: At;
  /** Where the wheel stands, in ticks since the start; everything up to it has been collected. */
  #tick = 0;
  #next = new Int32Array(SLOTS + SLOTS_AT_START);
  #prev = new Int32Array(SLOTS + SLOTS_AT_START);
  #due = new Float64Array(SLOTS_AT_START);
  /** One bit per bucket that holds something. */
  readonly #filled = new Int32Array(LEVELS * WORDS);

  constructor(tickMs: Ms, startAt: At) {
    this.#tickMs = tickMs;
    this.#startAt = startAt;
    for (let head = OVERDUE; head < SLOTS; head += 1) {
      this.#next[head] = head;
      this.#prev[head] = head;
    }
  }

  set(slot: number, dueAt: At): void {
    // Ticks are rounded up, so that nothing rings before its time.
    const tick = Math.ceil((dueAt - this.#startAt) / this.#tickMs);
    if (!(tick < TICKS_MAX)) throw new RangeError(`due time ${dueAt} is out of reach`);
    if (!(slot >= 0 && slot < SLOTS_MAX)) throw new RangeError(`slot ${slot} is out of reach`);
    if (slot >= this.#due.length) this.#grow(slot);
    const node = SLOTS + slot;
    if (this.#next[node] !== 0) this.#unlink(node);
    else this.size += 1;
    this.#due[slot] = dueAt;
    this.#link(node, tick <= this.#tick ? OVERDUE : this.#bucketOf(tick));
  }

  clear(slot: number): void {
    if (!this.has(slot)) return;
    this.#unlink(SLOTS + slot);
    this.size -= 1;
  }

  has(slot: number): boolean {
    return slot >= 0 && slot < this.#due.length && this.#next[SLOTS + slot] !== 0;
  }

  dueAt(slot: number): At | undefined {
    return this.has(slot) ? this.#due[slot] : undefined;
  }

  advance(now: At, rang: (slot: number) => void): void {
    // Collect first, ring afterwards: what `rang` sets or clears can then not disturb the walk, and
    // what it sets into the past waits for the next advance instead of ringing for ever.
    this.#splice(OVERDUE, RINGING);
    const target = Math.floor((now - this.#startAt) / this.#tickMs);
    for (let bucket = this.#first(); bucket !== 0; bucket = this.#first()) {
      const start = this.#startOf(bucket);
      if (start > target) break;
      this.#tick = start;
      if (bucket < BUCKETS + DIGITS) this.#splice(bucket, RINGING);
      else this.#cascade(bucket);
    }
    if (target > this.#tick) this.#tick = target;
    const next = () => this.#next[RINGING] as number;
    for (let node = next(); node !== RINGING; node = next()) {
      this.#unlink(node);
      this.size -= 1;
      rang(node - SLOTS);
    }
  }

  nextDueAt(): At {
    if (this.size === 0) return Infinity;
    const isDue = this.#next[OVERDUE] !== OVERDUE || this.#next[RINGING] !== RINGING;
    const tick = isDue ? this.#tick : this.#startOf(this.#first());
    return this.#startAt + tick * this.#tickMs;
  }

  /** The list for a tick ahead of the wheel: the highest digit that differs, and its value. */
  #bucketOf(tick: number): number {
    // Ticks have up to 48 bits; JavaScript's bit operations have 32, hence two halves.
    const high = Math.floor(tick / HALF);
    const highNow = Math.floor(this.#tick / HALF);
    const isHigh = high !== highNow;
    const digits = isHigh ? high : tick % HALF;
    const differs = digits ^ (isHigh ? highNow : this.#tick % HALF);
    const within = differs < DIGITS ? 0 : differs < DIGITS * DIGITS ? 1 : 2;
    const digit = (digits >>> (8 * within)) & (DIGITS - 1);
    return BUCKETS + (within + (isHigh ? 3 : 0)) * DIGITS + digit;
  }

  /** The first tick that belongs to a bucket: the wheel's higher digits, its digit, then zeros. */
  #startOf(bucket: number): number {
    const level = Math.floor((bucket - BUCKETS) / DIGITS);
    const digit = (bucket - BUCKETS) % DIGITS;
    const unit = 2 ** (8 * level);
    return Math.floor(this.#tick / (unit * DIGITS)) * unit * DIGITS + digit * unit;
  }

  /**
   * The filled bucket that comes first, or 0. Every slot of a lower level comes before every slot
   * of a higher one, because it agrees with the wheel in more leading digits.
   */
  #first(): number {
    for (let word = 0; word < LEVELS * WORDS; word += 1) {
      const bits = this.#filled[word] as number;
      if (bits !== 0) return BUCKETS + word * 32 + (31 - Math.clz32(bits & -bits));
    }
    return 0;
  }

  /** Deals a bucket out to the levels below; the wheel stands at the bucket's first tick. */
  #cascade(bucket: number): void {
    const next = () => this.#next[bucket] as number;
    for (let node = next(); node !== bucket; node = next()) {
      const dueAt = this.#due[node - SLOTS] as number;
      const tick = Math.ceil((dueAt - this.#startAt) / this.#tickMs);
      this.#unlink(node);
      this.#link(node, tick <= this.#tick ? RINGING : this.#bucketOf(tick));
    }
  }

  #link(node: number, head: number): void {
    const last = this.#prev[head] as number;
    this.#next[last] = node;
    this.#prev[node] = last;
    this.#next[node] = head;
    this.#prev[head] = node;
    if (head >= BUCKETS) this.#mark(head, true);
  }

  #unlink(node: number): void {
    const after = this.#next[node] as number;
    const before = this.#prev[node] as number;
    this.#next[before] = after;
    this.#prev[after] = before;
    this.#next[node] = 0;
    // Both neighbours are one and the same only when that is the head of a list now empty.
    if (after === before && after >= BUCKETS && after < SLOTS) this.#mark(after, false);
  }

  /** Appends a whole list to another one. */
  #splice(from: number, upon: number): void {
    const first = this.#next[from] as number;
    if (first === from) return;
    const last = this.#prev[from] as number;
    const tail = this.#prev[upon] as number;
    this.#next[tail] = first;
    this.#prev[first] = tail;
    this.#next[last] = upon;
    this.#prev[upon] = last;
    this.#next[from] = from;
    this.#prev[from] = from;
    if (from >= BUCKETS) this.#mark(from, false);
  }

  #mark(bucket: number, isFilled: boolean): void {
    const word = (bucket - BUCKETS) >>> 5;
    const bit = 1 << ((bucket - BUCKETS) & 31);
    const bits = this.#filled[word] as number;
    this.#filled[word] = isFilled ? bits | bit : bits & ~bit;
  }

  #grow(slot: number): void {
    let slots = this.#due.length;
    while (slots <= slot) slots *= 2;
    const [next, prev, due] = [this.#next, this.#prev, this.#due];
    this.#next = new Int32Array(SLOTS + slots);
    this.#prev = new Int32Array(SLOTS + slots);
    this.#due = new Float64Array(slots);
    this.#next.set(next);
    this.#prev.set(prev);
    this.#due.set(due);
  }
}
