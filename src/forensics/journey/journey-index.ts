/**
 * The index of journeys: it follows the log with a cursor of its own and knows at which positions a
 * key occurs. The one idea: a stretch of positions begins at a place that the log alone decides and
 * never crosses the end of a segment, so any process makes the same stretches, a segment takes its
 * own with it when it goes, and what is missing is made again.
 * Deliberately unknown here: threads, pace, and what is made of what is found.
 */
import type { CommittedLog, CommittedRecord } from '../../ports/committed-log.ts';
import type { AskedStretches, Follower, KeyCount, KeyRange } from './key-questions.ts';
import { countPositions, followAll, newestFirst } from './key-questions.ts';
import { keyedHash } from './keyed-hash.ts';
import type { KeyKind } from './keys.ts';
import { eachKey } from './keys.ts';
import { RunFile, RunUnreadable } from './run-file.ts';
import type { RunFolder } from './run-files.ts';
import type { Stretch, StretchData } from './stretch.ts';
import { GrowingStretch, STRETCH_POSITIONS_MAX } from './stretch.ts';

/** A growing stretch is written down after so many more positions: what a kill costs. */
const KEEP_POSITIONS = 2 ** 15;

/** The log as the index reads it. */
export interface IndexedLog extends CommittedLog {
  /** The segment that holds a position, or would. */
  spanOf(position: number): { readonly first: number; readonly bound: number } | undefined;
}

/** Who follows a key through the index. */
export type KeyFollower = Omit<Follower, 'hash'> & { readonly text: string };

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
  /** Both, in order; undefined when they have changed. */
  #ordered: readonly Stretch[] | undefined;
  /** The newest file of the growing stretch, and how far it goes. */
  #file: RunFile | undefined;
  #keptUpto = 0;
  #next = 1;
  #at = 0;
  readonly #asked: AskedStretches = {
    stretches: () => this.#stretches(),
    ask: (stretch, question) => this.#ask(stretch, question),
  };

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
    this.#ordered = undefined;
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
    this.#ordered = undefined;
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
    this.#ordered = undefined;
    for (const [start, { last }] of this.#kept) if (last < first) this.#kept.delete(start);
    if (!sweep) return;
    const used = [...this.#kept.values(), this.#file].filter((one) => one instanceof RunFile);
    this.#folder.sweep(used);
  }

  /** The positions of a key, newest first; a time chooses blocks of positions, not each of them. */
  find(kind: KeyKind, text: string, range: KeyRange = {}): Generator<number> {
    return newestFirst(this.#asked, keyedHash(this.#folder.key, kind, text), range);
  }

  /** Goes through the positions of several keys of a kind, oldest first, all at once. */
  follow(kind: KeyKind, followers: readonly KeyFollower[]): void {
    const { key } = this.#folder;
    const hashed = followers.map(({ text, from, hear }) => ({
      hash: keyedHash(key, kind, text),
      from,
      hear,
    }));
    followAll(this.#asked, hashed);
  }

  /** How many positions a key has. */
  count(kind: KeyKind, text: string, range: KeyRange = {}): KeyCount {
    return countPositions(this.#asked, keyedHash(this.#folder.key, kind, text), range);
  }

  /** The growing one may lie anywhere: a stretch whose file was damaged is made again. */
  #stretches(): readonly Stretch[] {
    const growing = this.#growing === undefined ? [] : [this.#growing];
    this.#ordered ??= [...this.#kept.values(), ...growing].sort(
      (one, other) => one.first - other.first,
    );
    return this.#ordered;
  }

  #ask<T>(stretch: Stretch, question: (stretch: Stretch) => T): T | undefined {
    try {
      return question(stretch);
    } catch (error) {
      if (!(error instanceof RunUnreadable)) throw error;
      this.#kept.delete(stretch.first);
      this.#ordered = undefined;
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
