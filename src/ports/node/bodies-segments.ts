/**
 * The segments' account: which there are, what is alive in them, which may be used again. A segment
 * is being written, then sealed, then (once nothing refers to it) a spare or gone; a number never
 * returns. Numbers that are referred to without a file are `lost`, so that they are not given out.
 * Deliberately unknown here: files and flushing; who reads the account does what it says.
 */

import { invariant } from '../../domain/invariant.ts';
import type { BodiesUsage, SparseSegment } from '../body-store.ts';

/** Sealed, unreferenced segments kept for use again; the surplus is removed. */
export const SPARES_MAX = 4;
/** What a body can take on disk beyond its own bytes: head, header text, padding to a page. */
export const BODY_OVERHEAD_BYTES = 4096 + 512;
/** The disk may hold this many times the living bytes before segments are called sparse. */
export const DISK_SHARE_MAX = 2;

/** One segment. `bytes` is the size of its file. */
export interface Segment {
  readonly number: number;
  state: 'writing' | 'sealed' | 'spare' | 'lost';
  bytes: number;
  references: number;
  liveBytes: number;
  /** Reads under way; the file is not used again before they have ended. */
  pins: number;
}

/** How many segments of what size, and who is told when one is no longer needed. */
export interface TableOptions {
  readonly segmentBytes: number;
  readonly sparesMax: number;
  /** Segments that may be written or ready to be, at most. */
  readonly writingMax: number;
  /** Its content will not be read again. */
  readonly freed: (segment: Segment) => void;
  /** Its file is to be removed. */
  readonly discard: (segment: Segment) => void;
}

/** The account of all segments. */
export class SegmentTable {
  readonly #segments = new Map<number, Segment>();
  readonly #spares: Segment[] = [];
  readonly #options: TableOptions;
  #upcoming = 1;
  #isSettled = false;
  #isFull = false;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  find(number: number): Segment | undefined {
    return this.#segments.get(number);
  }

  /** All segments, the oldest first. */
  all(): Segment[] {
    return [...this.#segments.values()].sort((left, right) => left.number - right.number);
  }

  /** A number never given out before, nor referred to. */
  claimNumber(): number {
    const number = this.#upcoming;
    this.#upcoming += 1;
    return number;
  }

  /** Enters a segment in any state. */
  enter(number: number, state: Segment['state'], bytes: number): Segment {
    invariant(!this.#segments.has(number), `segment ${number} is entered twice`);
    const segment = { number, state, bytes, references: 0, liveBytes: 0, pins: 0 };
    this.#segments.set(number, segment);
    if (number >= this.#upcoming) this.#upcoming = number + 1;
    if (state === 'spare') this.#spares.push(segment);
    return segment;
  }

  /** Takes a segment out of the account. */
  drop(segment: Segment): void {
    this.#segments.delete(segment.number);
  }

  refer(number: number, by: number, bodyBytes: number): void {
    const segment = this.#segments.get(number) ?? this.enter(number, 'lost', 0);
    invariant(segment.state !== 'spare', `segment ${number} is referred to after its release`);
    segment.references += by;
    segment.liveBytes += by * bodyBytes;
    invariant(segment.references >= 0, `segment ${number} was released too often`);
    if (segment.references === 0) this.#release(segment);
  }

  pin(segment: Segment): void {
    segment.pins += 1;
  }

  unpin(segment: Segment): void {
    segment.pins -= 1;
    if (segment.pins === 0) this.#release(segment);
  }

  seal(segment: Segment, bytes: number): void {
    segment.state = 'sealed';
    segment.bytes = Math.max(segment.bytes, bytes);
    this.#release(segment);
  }

  settle(): void {
    this.#isSettled = true;
    for (const segment of [...this.#segments.values()]) this.#release(segment);
  }

  /** A file to be used again, already out of the account. */
  takeSpare(): Segment | undefined {
    const spare = this.#spares.pop();
    if (spare !== undefined) this.drop(spare);
    return spare;
  }

  /**
   * Whether the disk is full. While it is, spares give their space back: segments that grow beside
   * them would starve.
   */
  noteFull(isFull: boolean): void {
    this.#isFull = isFull;
    if (!isFull) return;
    for (const spare of this.#spares.splice(0)) {
      this.drop(spare);
      this.#options.discard(spare);
    }
  }

  #release(segment: Segment): void {
    if (!this.#isSettled || segment.references > 0 || segment.pins > 0) return;
    if (segment.state === 'lost') this.drop(segment);
    if (segment.state !== 'sealed') return;
    // A short or an outsized file would make a poor spare.
    const { segmentBytes, sparesMax, freed, discard } = this.#options;
    const fits = segment.bytes * 2 >= segmentBytes && segment.bytes <= segmentBytes;
    freed(segment);
    if (fits && !this.#isFull && this.#spares.length < sparesMax) {
      segment.state = 'spare';
      segment.liveBytes = 0;
      this.#spares.push(segment);
    } else {
      this.drop(segment);
      discard(segment);
    }
  }

  /** Emptiest first, and only as many as bring the disk back to its share. */
  sparse(): SparseSegment[] {
    const all = [...this.#segments.values()];
    const { segmentBytes, sparesMax, writingMax } = this.#options;
    const allowance = (sparesMax + writingMax) * segmentBytes;
    const wanted = DISK_SHARE_MAX * sum(all, footprint) + allowance;
    let excess = sum(all, (segment) => segment.bytes) - wanted;
    if (excess <= 0) return [];
    const chosen: SparseSegment[] = [];
    const byShare = all
      .filter(({ state, references }) => state === 'sealed' && references > 0)
      .filter((segment) => footprint(segment) * DISK_SHARE_MAX < segment.bytes)
      .sort((left, right) => footprint(left) / left.bytes - footprint(right) / right.bytes);
    for (const segment of byShare) {
      if (excess <= 0) break;
      excess -= segment.bytes - footprint(segment);
      const { number, bytes, liveBytes, references } = segment;
      chosen.push({ segment: number, bytes, liveBytes, references });
    }
    return chosen;
  }

  usage(): Omit<BodiesUsage, 'pendingBytes'> {
    const all = [...this.#segments.values()];
    return {
      bytes: sum(all, (segment) => segment.bytes),
      liveBytes: sum(all, (segment) => segment.liveBytes),
      segments: all.length - this.#spares.length,
      spares: this.#spares.length,
    };
  }
}

/** What the living bodies of a segment could take elsewhere, written one by one. */
const footprint = (segment: Segment): number =>
  Math.min(segment.bytes, segment.liveBytes + segment.references * BODY_OVERHEAD_BYTES);

const sum = (segments: readonly Segment[], of: (segment: Segment) => number): number =>
  segments.reduce((total, segment) => total + of(segment), 0);
