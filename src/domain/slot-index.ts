/**
 * From a message's number to its row: a hash of slots with linear probing, whose keys are the
 * rows' own numbers, so a million entries cost 8 MB and nothing per look-up. Knows nothing else of
 * rows.
 */
import { invariant } from './invariant.ts';

const NONE = -1;
const SLOTS_FIRST = 2048;
// Numbers are given out in order, so a run of them stays together (one cache line holds sixteen
// entries) and only the runs are spread, by Knuth's multiplicative constant.
const RUN_BITS = 4;
const RUN = 2 ** RUN_BITS;
const SPREAD = 0x9e3779b1;

/** Finds slots by number; `numberAt` tells the number a slot holds. */
export class SlotIndex {
  #table = new Int32Array(SLOTS_FIRST).fill(NONE);
  #mask = SLOTS_FIRST - 1;
  #count = 0;
  readonly #numberAt: (slot: number) => number;

  constructor(numberAt: (slot: number) => number) {
    this.#numberAt = numberAt;
  }

  get size(): number {
    return this.#count;
  }

  /** The slot of `number`, or -1. */
  find(number: number): number {
    for (let at = this.#home(number); ; at = (at + 1) & this.#mask) {
      const slot = this.#table[at] as number;
      if (slot === NONE || this.#numberAt(slot) === number) return slot;
    }
  }

  /** Makes room for `count` slots in all, so that filling it does not grow it step by step. */
  reserve(count: number): void {
    let size = this.#table.length;
    while (count * 2 > size) size *= 2;
    if (size > this.#table.length) this.#widen(size);
  }

  /** Adds a slot whose number is in place already and not in the index. */
  add(slot: number): void {
    if ((this.#count + 1) * 2 > this.#table.length) this.#widen(this.#table.length * 2);
    this.#put(slot);
    this.#count += 1;
  }

  /** Takes `number` out; what probed past it moves up, so no gravestones pile up. */
  remove(number: number): void {
    const table = this.#table;
    let hole = this.#home(number);
    while (table[hole] !== NONE && this.#numberAt(table[hole] as number) !== number) {
      hole = (hole + 1) & this.#mask;
    }
    invariant(table[hole] !== NONE, `number ${number} is not in the index`);
    this.#count -= 1;
    for (let at = (hole + 1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = table[at] as number;
      if (slot === NONE) break;
      const home = this.#home(this.#numberAt(slot));
      // The entry may fill the hole unless its home lies between the hole and where it stands.
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      table[hole] = slot;
      hole = at;
    }
    table[hole] = NONE;
  }

  #home(number: number): number {
    const run = Math.floor(number / RUN);
    // Numbers pass 2^32: both halves take part.
    const low = run >>> 0;
    const high = (run / 0x1_0000_0000) >>> 0;
    const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), SPREAD);
    return (((mixed ^ (mixed >>> 15)) << RUN_BITS) | (number & (RUN - 1))) & this.#mask;
  }

  #put(slot: number): void {
    let at = this.#home(this.#numberAt(slot));
    while (this.#table[at] !== NONE) at = (at + 1) & this.#mask;
    this.#table[at] = slot;
  }

  #widen(size: number): void {
    const old = this.#table;
    this.#table = new Int32Array(size).fill(NONE);
    this.#mask = size - 1;
    for (const slot of old) if (slot !== NONE) this.#put(slot);
  }
}
