/**
 * The newest part of the log as records, for all readers of a thread: a stretch without gaps, of
 * bounded length. The one idea: it follows whoever is furthest; who falls behind it reads the log
 * again for itself, so nobody holds it. Knows no log and no reader.
 */
import { partitionPoint } from '../domain/partition-point.ts';
import type { LogRecord } from './log-record/record.ts';

/** Records in the ring. */
export const RING_RECORDS_MAX = 8_192;
/** Characters of log they were made of; records and their texts take a few times that. */
export const RING_CHARS_MAX = 8 * 1024 * 1024;

/** A record as all readers share it: whole, with everything captured. */
export interface FeedEntry {
  readonly position: number;
  readonly record: LogRecord;
  /** Characters of the log's record. */
  readonly chars: number;
  /** As readers with the same lists of captured fields see it, by the number of the list. */
  readonly views: (LogRecord | undefined)[];
}

/** A stretch of the log: everything behind `after` and up to `upto`. */
export class FeedRing {
  #entries: FeedEntry[] = [];
  /** Index of the first entry that still counts. */
  #from = 0;
  #chars = 0;
  #after = 0;
  #upto = 0;
  readonly #recordsMax: number;

  constructor(recordsMax = RING_RECORDS_MAX) {
    this.#recordsMax = recordsMax;
  }

  get after(): number {
    return this.#after;
  }

  get upto(): number {
    return this.#upto;
  }

  /** Begins anew behind `after`. */
  restart(after: number): void {
    this.#entries = [];
    this.#from = 0;
    this.#chars = 0;
    this.#after = after;
    this.#upto = after;
  }

  /** The stretch goes on up to `upto`; the oldest make room. */
  extend(entries: readonly FeedEntry[], upto: number): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#chars += entry.chars;
    }
    this.#upto = upto;
    while (this.#isTooLong()) this.#dropFirst();
    if (this.#from > this.#recordsMax) {
      this.#entries = this.#entries.slice(this.#from);
      this.#from = 0;
    }
  }

  /** Everything up to `position` is needed by nobody. */
  dropUpto(position: number): void {
    if (position <= this.#after) return;
    if (position >= this.#upto) return this.restart(this.#upto);
    const from = this.#findIndex(position);
    while (this.#from < from) this.#dropFirst();
    this.#after = position;
  }

  #isTooLong(): boolean {
    const count = this.#entries.length - this.#from;
    return count > this.#recordsMax || (count > 1 && this.#chars > RING_CHARS_MAX);
  }

  #dropFirst(): void {
    const first = this.#entries[this.#from] as FeedEntry;
    this.#entries[this.#from] = undefined as never;
    this.#from += 1;
    this.#chars -= first.chars;
    this.#after = first.position;
  }

  /** At most `recordsMax` entries behind `after`, a place in the stretch, and how far they go. */
  read(after: number, recordsMax: number): { entries: readonly FeedEntry[]; upto: number } {
    const from = this.#findIndex(after);
    const entries = this.#entries.slice(from, from + recordsMax);
    const isAll = from + entries.length === this.#entries.length;
    return { entries, upto: isAll ? this.#upto : (entries.at(-1)?.position ?? after) };
  }

  /** The index of the first entry behind `after`. */
  #findIndex(after: number): number {
    const entries = this.#entries;
    const isPast = (at: number): boolean => (entries[at] as FeedEntry).position <= after;
    return partitionPoint(this.#from, entries.length, isPast);
  }
}
