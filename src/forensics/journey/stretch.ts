/**
 * The keys of a stretch of positions: hash and position, hash and position. The one idea: while the
 * stretch grows, entries lie as they came; whole, they are sorted once and never change again. Both
 * answer the same questions, so nobody need know which of the two it asks.
 * Deliberately unknown here: files, what was hashed, and how the log is read.
 */

/** Positions of one stretch at most; its places count from its first position. */
export const STRETCH_POSITIONS_MAX = 2 ** 18;
/** Positions that share one note of their times. */
export const BLOCK_POSITIONS = 1_024;
/** A hash and a place are one number below 2^53. */
const PLACES = 2 ** 20;

/** A span of time, both ends within. */
export interface TimeSpan {
  readonly from: number;
  readonly upto: number;
}

/** Keys of a stretch, however they are kept. */
export interface Stretch {
  readonly first: number;
  /** The last position that was looked at. */
  readonly last: number;
  /** Between which times its records are; Infinity and −Infinity where it has none. */
  readonly span: TimeSpan;
  /** Positions of a hash, ascending. */
  positionsOf(hash: number): readonly number[];
  /** The same for many hashes: whatever must be opened is opened once. */
  positionsOfEach(hashes: readonly number[]): readonly (readonly number[])[];
  /** How many entries a hash has. */
  countOf(hash: number): number;
  /** Between which times the records at and near the position are. */
  spanAt(position: number): TimeSpan;
}

/** What a stretch comes to. */
export interface StretchData {
  readonly first: number;
  readonly last: number;
  /** Hash · 2^20 + position − first, ascending. */
  readonly entries: Float64Array;
  /** Least and greatest time of each block of positions; Infinity and −Infinity where none is. */
  readonly times: Float64Array;
  /** The last record that was read, and its chain; 0 and '' where none could be. */
  readonly proof: { readonly position: number; readonly chain: string };
}

const blockOf = (first: number, position: number): number =>
  Math.floor((position - first) / BLOCK_POSITIONS);

/** How many blocks a stretch has. */
export const blocksOf = (first: number, last: number): number =>
  Math.ceil((last - first + 1) / BLOCK_POSITIONS);

/** Between which times all blocks are. */
export function spanOf(times: ArrayLike<number>): TimeSpan {
  let from = Number.POSITIVE_INFINITY;
  let upto = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < times.length; index += 2) {
    from = Math.min(from, times[index] as number);
    upto = Math.max(upto, times[index + 1] as number);
  }
  return { from, upto };
}

/** Between which times the block of a position is. */
export function blockSpan(times: ArrayLike<number>, first: number, position: number): TimeSpan {
  const block = blockOf(first, position) * 2;
  return { from: times[block] as number, upto: times[block + 1] as number };
}

/** The hash of an entry. */
export const hashOf = (entry: number): number => Math.floor(entry / PLACES);

/** How far behind the first position an entry lies. */
export const placeOf = (entry: number): number => entry % PLACES;

/** An entry from its parts. */
export const entryOf = (hash: number, place: number): number => hash * PLACES + place;

/** A stretch that grows. */
export class GrowingStretch implements Stretch {
  readonly first: number;
  last: number;
  #entries: Float64Array;
  #count: number;
  readonly #times: number[];
  #proof: StretchData['proof'];

  constructor(first: number, before?: StretchData) {
    this.first = first;
    this.last = before?.last ?? first - 1;
    this.#entries = before?.entries.slice() ?? new Float64Array(BLOCK_POSITIONS);
    this.#count = before?.entries.length ?? 0;
    this.#times = [...(before?.times ?? [])];
    this.#proof = before?.proof ?? { position: 0, chain: '' };
  }

  /** A record was read; its keys follow. */
  note(position: number, at: number, chain: string): void {
    const block = blockOf(this.first, position) * 2;
    this.#growTimes(block / 2 + 1);
    this.#times[block] = Math.min(this.#times[block] as number, at);
    this.#times[block + 1] = Math.max(this.#times[block + 1] as number, at);
    this.#proof = { position, chain };
  }

  #growTimes(blocks: number): void {
    while (this.#times.length < blocks * 2) {
      this.#times.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    }
  }

  get span(): TimeSpan {
    return spanOf(this.#times);
  }

  add(hash: number, position: number): void {
    if (this.#count === this.#entries.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.#count] = entryOf(hash, position - this.first);
    this.#count += 1;
  }

  positionsOf(hash: number): readonly number[] {
    return this.positionsOfEach([hash])[0] ?? [];
  }

  /** What was taken over lies sorted by hash, what was added by position: both in order here. */
  positionsOfEach(hashes: readonly number[]): readonly (readonly number[])[] {
    const found = new Map(hashes.map((hash) => [hash, [] as number[]]));
    for (let index = 0; index < this.#count; index += 1) {
      const entry = this.#entries[index] as number;
      found.get(hashOf(entry))?.push(this.first + placeOf(entry));
    }
    return hashes.map((hash) => found.get(hash) ?? []);
  }

  countOf(hash: number): number {
    return this.positionsOf(hash).length;
  }

  spanAt(position: number): TimeSpan {
    return blockSpan(this.#times, this.first, position);
  }

  /** As it is now, sorted. */
  data(): StretchData {
    const entries = this.#entries.slice(0, this.#count).sort();
    this.#growTimes(blocksOf(this.first, this.last));
    const times = Float64Array.from(this.#times);
    return { first: this.first, last: this.last, entries, times, proof: this.#proof };
  }
}
