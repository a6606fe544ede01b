/**
 * The index of journeys: it follows the log with a cursor of its own and knows at which positions a
 * key occurs. The one idea: a stretch of positions begins at a place that the log alone decides and
 * never crosses the end of a segment, so any process makes the same stretches, a segment takes its
 * own with it when it goes, and what is missing is made again.
 * Deliberately unknown here: threads, pace, and what is made of what is found.
 */
import type { CommittedLog, CommittedRecord } from '../../ports/committed-log.ts';
import { keyedHash } from './keyed-hash.ts';
import type { KeyKind } from './keys.ts';
import { eachKey } from './keys.ts';
import type { RunFolder } from './run-files.ts';
import { RunFile, RunUnreadable } from './run-files.ts';
import type { Stretch, StretchData, TimeSpan } from './stretch.ts';
import { GrowingStretch, STRETCH_POSITIONS_MAX } from './stretch.ts';

/** A growing stretch is written down after so many more positions: what a kill costs. */
const KEEP_POSITIONS = 2 ** 16;
/** Damaged files met in one question, before it is given up. */
const REPAIRS_MAX = 8;

/** The log as the index reads it. */
export interface IndexedLog extends CommittedLog {
  /** The segment that holds a position, or would. */
  spanOf(position: number): { readonly first: number; readonly bound: number } | undefined;
}

/** Which positions are wanted of a key; without ends, all. */
export interface KeyRange {
  readonly from?: number;
  readonly upto?: number;
  readonly span?: TimeSpan | undefined;
}

type Kept = Stretch & { data(): StretchData };

/** Where a stretch lies. */
interface Frame {
  readonly first: number;
  readonly end: number;
}

/** The index over one log. */
export class JourneyIndex {
  readonly #log: IndexedLog;
  readonly #folder: RunFolder;
  /** By first position; complete, or as complete as their file. */
  readonly #kept = new Map<number, Kept>();
  #growing: GrowingStretch | undefined;
  /** The newest file of the growing stretch, and how far it goes. */
  #file: RunFile | undefined;
  #keptUpto = 0;
  #next = 1;
  #at = 0;

  constructor(log: IndexedLog, folder: RunFolder) {
    this.#log = log;
    this.#folder = folder;
    for (const run of folder.load()) if (this.#isOurs(run)) this.#take(run);
    this.#next = log.first();
  }

  /** A file speaks of this log when the last record it was made of is the one that is there. */
  #isOurs({ head: { proof, first } }: RunFile): boolean {
    if (first < this.#log.first()) return false;
    return proof.position === 0 || this.#log.find(proof.position)?.chain === proof.chain;
  }

  #take(run: RunFile): void {
    const before = this.#kept.get(run.first);
    if (before === undefined || before.last < run.last) this.#kept.set(run.first, run);
  }

  /** Everything before it was looked at. */
  get next(): number {
    return this.#next;
  }

  /** The time of the last record that was looked at; 0 before the first. */
  get at(): number {
    return this.#at;
  }

  /** How many positions are not indexed yet. */
  remaining(): number {
    this.#skip();
    return Math.max(0, this.#log.upto() - this.#next + 1);
  }

  /** Looks at no more than so many records; true while there are more. */
  step(recordsMax: number): boolean {
    this.#skip();
    if (this.#next > this.#log.upto()) return false;
    const frame = this.#frameOf(this.#next);
    if (frame === undefined) return false;
    const growing = this.#grow(frame);
    const wanted = Math.min(recordsMax, frame.end - this.#next + 1);
    const { records, upto } = this.#log.read(this.#next - 1, wanted);
    // The segment may have ended since: what lies behind its end belongs to the next one.
    const end = this.#frameOf(frame.first)?.end ?? frame.end;
    for (const record of records) if (record.position <= end) this.#add(growing, record);
    growing.last = Math.min(end, upto);
    this.#next = growing.last + 1;
    if (growing.last >= end) this.#close(growing);
    else if (growing.last - this.#keptUpto >= KEEP_POSITIONS) this.keep();
    return this.#next <= this.#log.upto();
  }

  /** Passes over what is indexed already. */
  #skip(): void {
    this.#next = Math.max(this.#next, this.#log.first());
    for (;;) {
      if (this.#growing !== undefined && this.#growing.last + 1 === this.#next) return;
      const frame = this.#frameOf(this.#next);
      const kept = frame && this.#kept.get(frame.first);
      if (kept === undefined || kept.last < this.#next) return;
      this.#next = kept.last + 1;
    }
  }

  #frameOf(position: number): Frame | undefined {
    const span = this.#log.spanOf(position);
    if (span === undefined) return undefined;
    const part = Math.floor((position - span.first) / STRETCH_POSITIONS_MAX);
    const first = span.first + part * STRETCH_POSITIONS_MAX;
    return { first, end: Math.min(first + STRETCH_POSITIONS_MAX - 1, span.bound) };
  }

  #grow({ first }: Frame): GrowingStretch {
    const growing = this.#growing;
    if (growing?.first === first) return growing;
    // Another one than this was growing: the log went on elsewhere.
    if (growing !== undefined) this.#close(growing);
    const before = this.#kept.get(first);
    this.#growing = new GrowingStretch(first, before === undefined ? undefined : dataOf(before));
    this.#file = before instanceof RunFile ? before : undefined;
    this.#kept.delete(first);
    this.#keptUpto = this.#growing.last;
    this.#next = this.#growing.last + 1;
    return this.#growing;
  }

  #add(growing: GrowingStretch, record: CommittedRecord): void {
    const { position, at, chain } = record;
    const { key } = this.#folder;
    growing.note(position, at, chain);
    this.#at = at;
    eachKey(record, (kind, text) => growing.add(keyedHash(key, kind, text), position));
  }

  #close(growing: GrowingStretch): void {
    const file = this.keep();
    this.#kept.set(growing.first, file ?? growing);
    this.#growing = undefined;
    this.#file = undefined;
  }

  /**
   * Writes the growing stretch down. Throws what the system throws; the stretch stays in memory,
   * and the next step that needs room for another one tries again.
   */
  keep(): RunFile | undefined {
    const growing = this.#growing;
    if (!this.#folder.isKept || growing === undefined || growing.last < growing.first) {
      return undefined;
    }
    if (this.#file?.last === growing.last) return this.#file;
    this.#keptUpto = growing.last;
    const file = this.#folder.write(growing.data());
    if (file === undefined) return undefined;
    if (this.#file !== undefined) this.#folder.remove(this.#file);
    this.#file = file;
    return file;
  }

  /** Forgets what the log no longer has; with `sweep`, files that nobody needs go too. */
  prune(sweep = false): void {
    const first = this.#log.first();
    for (const [start, { last }] of this.#kept) if (last < first) this.#kept.delete(start);
    if (!sweep) return;
    const used = [...this.#kept.values(), this.#file].filter((one) => one instanceof RunFile);
    this.#folder.sweep(used);
  }

  /** The positions of a key, newest first. */
  *find(kind: KeyKind, text: string, range: KeyRange = {}): Generator<number> {
    const { from = 1, upto = Number.MAX_SAFE_INTEGER, span } = range;
    const hash = keyedHash(this.#folder.key, kind, text);
    let before = upto + 1;
    for (let repairs = 0; repairs <= REPAIRS_MAX; ) {
      const stretch = this.#newestBefore(before);
      if (stretch === undefined || stretch.last < from) return;
      const positions = this.#ask(stretch, hash);
      if (positions === undefined) {
        repairs += 1;
        continue;
      }
      for (let index = positions.length - 1; index >= 0; index -= 1) {
        const position = positions[index] as number;
        if (position >= before || position === positions[index + 1]) continue;
        if (position < from) return;
        if (span === undefined || stretch.mayLieIn(position, span)) yield position;
      }
      before = stretch.first;
    }
  }

  #newestBefore(position: number): Kept | undefined {
    let newest: Kept | undefined;
    for (const kept of [...this.#kept.values(), this.#growing]) {
      if (kept === undefined || kept.first >= position) continue;
      if (newest === undefined || kept.first > newest.first) newest = kept;
    }
    return newest;
  }

  /** Undefined where the file was damaged or gone: the stretch has been made again, ask anew. */
  #ask(stretch: Kept, hash: number): readonly number[] | undefined {
    try {
      return stretch.positionsOf(hash);
    } catch (error) {
      if (!(error instanceof RunUnreadable)) throw error;
      this.#kept.delete(stretch.first);
      if (stretch instanceof RunFile) this.#folder.remove(stretch);
      this.#next = Math.min(this.#next, stretch.first);
      while (this.step(STRETCH_POSITIONS_MAX));
      return undefined;
    }
  }
}

/** What is kept of a stretch; nothing where its file is damaged. */
const dataOf = (kept: Kept): StretchData | undefined => {
  try {
    return kept.data();
  } catch (error) {
    if (!(error instanceof RunUnreadable)) throw error;
    return undefined;
  }
};
