/**
 * The log as readers see it, over the segments of a data directory: of this process while its log
 * thread writes, or of a daemon that has stopped. The one idea: each look is a read of its own, so
 * no transaction stays open that would keep the write-ahead log from being moved on; damage is
 * passed over and told once, and never stops a reader.
 * Deliberately unknown here: who reads, what a record means.
 */
import type { CommittedLog, CommittedRecord, CommittedSpan } from '../ports/committed-log.ts';
import type { EventRow } from './log-chain.ts';
import { isLinked, isWhole, linkOf } from './log-chain.ts';
import { MarkWatch } from './log-mark.ts';
import type { LogPlace, PlacedSegment } from './log-place.ts';
import { dataPlace } from './log-place.ts';
import type { DamageKind, DamageReport } from './log-report.ts';
import { DamageReports, sayPositions } from './log-report.ts';
import { isDamage, sayCause } from './log-schema.ts';
import type { TailReader } from './log-tail-files.ts';
import { TailFiles } from './log-tail-files.ts';
import { toRecord } from './log-walk.ts';

/** Pieces of the log (segments, stretches of damage) passed in one look. */
const PIECES_MAX = 16;
/** Findings told one by one; a log with more has been said to be damaged. */
const REPORTS_MAX = 1_000;

/** Who hears of damage. */
type Reported = (report: DamageReport) => void;

/** Which log, and who hears of its damage. */
export interface LogTailOptions {
  /** The data directory. */
  readonly dir: string;
  /** Of the log thread of this process; without it nobody may be writing. */
  readonly mark?: SharedArrayBuffer;
  readonly reported?: Reported;
}

/** Positions that lie in one segment: from `first` on, none behind `bound`. */
export interface SegmentSpan {
  readonly first: number;
  readonly bound: number;
}

/** A reader's log. Its calls throw where a file cannot be opened just now: try again later. */
export interface LogTail extends CommittedLog {
  /** The first position behind which the log takes at most so many octets, about. */
  firstWithin(octets: number): number;
  /** The segment that holds a position, or would; undefined before the first one. */
  spanOf(position: number): SegmentSpan | undefined;
  /** To be called about once a second: lets go of what the writer may want to seal. */
  rest(): void;
  close(): void;
}

class SqliteTail implements LogTail {
  readonly #files: TailFiles;
  readonly #watch: MarkWatch | undefined;
  readonly #reports: DamageReports;
  /** Where a picture of the log ends. */
  #fixed: number | undefined;

  constructor(place: LogPlace, mark: SharedArrayBuffer | undefined, reported?: Reported) {
    this.#files = new TailFiles(() => place.list(), mark !== undefined);
    this.#watch = mark === undefined ? undefined : new MarkWatch(mark);
    this.#reports = new DamageReports(reported);
  }

  upto(): number {
    return this.#watch?.upto() ?? this.#fixed ?? this.#end();
  }

  /** From now on the log ends where it ends now. */
  fix(): this {
    this.#fixed = this.#end();
    return this;
  }

  spanOf(position: number): SegmentSpan | undefined {
    const held = this.#files.holding(position) ?? this.#lookFor(position);
    return held && { first: held.segment.first, bound: held.bound };
  }

  /** The end of a log that nobody writes. */
  #end(): number {
    this.#files.look();
    const { newest } = this.#files;
    if (newest === undefined) return 0;
    const last = this.#try(newest, ({ rows }) => rows.database.prepare(LAST_SQL).pluck().get());
    return typeof last === 'number' ? last : newest.first - 1;
  }

  first(): number {
    this.#files.look();
    return this.#files.oldest?.first ?? 1;
  }

  whenMore(after: number, task: () => void): () => void {
    return this.#watch?.whenMore(after, task) ?? (() => {});
  }

  read(after: number, recordsMax: number): CommittedSpan {
    const upto = this.upto();
    const records: CommittedRecord[] = [];
    let next = after + 1;
    for (let pieces = 0; pieces < PIECES_MAX; pieces++) {
      if (next > upto || records.length >= recordsMax) break;
      const last = Math.min(upto, next + recordsMax - records.length - 1);
      next = this.#piece(next, last, records);
    }
    return { records, upto: next - 1 };
  }

  /** Reads `next` to `last` as far as one segment has it; answers what comes after. */
  #piece(next: number, last: number, into: CommittedRecord[]): number {
    const held = this.#files.holding(next) ?? this.#lookFor(next);
    if (held === undefined) {
      const { oldest } = this.#files;
      if (oldest !== undefined && oldest.first <= last) return oldest.first;
      if (oldest === undefined) this.#missing(next, last);
      return last + 1;
    }
    const { segment } = held;
    const end = Math.min(last, held.bound);
    const rows = this.#rows(segment, next, end);
    if ((rows?.at(-1)?.[0] ?? 0) >= end) return this.#take(rows ?? [], next, end, segment, into);
    // Fewer than there should be: perhaps another segment has begun, or this one was removed.
    this.#files.look();
    const now = this.#files.holding(next);
    if (now?.segment.first !== segment.first) return next;
    if (rows === undefined) return Math.min(this.upto(), now.bound) + 1;
    return this.#take(rows, next, Math.min(end, now.bound), segment, into);
  }

  #lookFor(position: number): ReturnType<TailFiles['holding']> {
    this.#files.look();
    return this.#files.holding(position);
  }

  /** Rows `next` to `end`, one by one where a page is damaged; undefined: not even those. */
  #rows(segment: PlacedSegment, next: number, end: number): readonly EventRow[] | undefined {
    const count = end - next + 1;
    const all = this.#try(segment, ({ rows }) => rows.all(next, count) as EventRow[]);
    if (all !== undefined) return all;
    const found: EventRow[] = [];
    for (let position = next; position <= end; position++) {
      const row = this.#try(segment, ({ row }) => row.get(position) as EventRow | undefined);
      if (row !== undefined) found.push(row);
      else if (!this.#isReadable(segment)) return undefined;
    }
    return found;
  }

  #isReadable(segment: PlacedSegment): boolean {
    const told = (cause: string): void => this.#unreadable(segment, cause);
    return this.#try(segment, () => true, told) ?? false;
  }

  /** Judges rows, which are in order, and reports what is missing between `next` and `end`. */
  #take(
    rows: readonly EventRow[],
    next: number,
    end: number,
    { name }: PlacedSegment,
    into: CommittedRecord[],
  ): number {
    let expected = next;
    let before: EventRow | undefined;
    for (const row of rows) {
      const position = row[0];
      if (position > end) break;
      if (position > expected) this.#missing(expected, position - 1, name);
      if (this.#isSound(row, before)) into.push({ ...toRecord(row), chain: linkOf(row) });
      else this.#damaged(position, name);
      before = row;
      expected = position + 1;
    }
    if (expected <= end) this.#missing(expected, end, name);
    return end + 1;
  }

  /** A record proves itself, or the chain does where only its checksum is wrong. */
  #isSound(row: EventRow, before: EventRow | undefined): boolean {
    if (isWhole(row)) return true;
    const previous = before?.[0] === row[0] - 1 ? before : this.#findRow(row[0] - 1);
    return previous !== undefined && isLinked(linkOf(previous), row);
  }

  find(position: number): CommittedRecord | undefined {
    if (position > this.upto()) return undefined;
    const row = this.#findRow(position);
    if (row === undefined || !this.#isSound(row, undefined)) return undefined;
    return { ...toRecord(row), chain: linkOf(row) };
  }

  #findRow(position: number): EventRow | undefined {
    const find = (): EventRow | undefined => {
      const held = this.#files.holding(position);
      if (held === undefined) return undefined;
      return this.#try(held.segment, ({ row }) => row.get(position) as EventRow | undefined);
    };
    const found = find();
    if (found !== undefined) return found;
    this.#files.look();
    return find();
  }

  /** Undefined where the bytes are damaged or the file is gone; other failures are thrown. */
  #try<T>(
    segment: PlacedSegment,
    task: (reader: TailReader) => T,
    failed: (cause: string) => void = () => {},
  ): T | undefined {
    try {
      return this.#files.use(segment, task);
    } catch (error) {
      const isGone = this.#isGone(segment);
      if (!isGone && !isDamage(error)) throw error;
      if (!isGone) failed(sayCause(error));
      return undefined;
    }
  }

  #isGone({ first }: PlacedSegment): boolean {
    this.#files.look();
    return this.#files.holding(first)?.segment.first !== first;
  }

  #missing(position: number, upto: number, segment?: string): void {
    const sentence = `${sayPositions(position, upto)} missing from the log`;
    this.#report('position-missing', { position, upto, sentence, segment });
  }

  #damaged(position: number, segment: string): void {
    const sentence = `the record at position ${position} is damaged and left out`;
    this.#report('record-damaged', { position, upto: position, sentence, segment });
  }

  #unreadable({ name }: PlacedSegment, cause: string): void {
    const sentence = `segment ${name} cannot be read: ${cause}`;
    this.#report('segment-unreadable', { sentence, segment: name });
  }

  #report(
    kind: DamageKind,
    what: { position?: number; upto?: number; sentence: string; segment: string | undefined },
  ): void {
    if (this.#reports.all.length >= REPORTS_MAX) return;
    const { segment, ...rest } = what;
    this.#reports.add({ kind, ...rest, ...(segment === undefined ? {} : { segment }) });
  }

  firstWithin(octets: number): number {
    this.#files.look();
    let left = octets;
    let next = this.upto() + 1;
    for (const { first, bytes } of this.#files.sizes().reverse()) {
      if (bytes > left) return next - Math.floor(((next - first) * left) / bytes);
      left -= bytes;
      next = first;
    }
    return next;
  }

  rest(): void {
    this.#files.rest();
  }

  close(): void {
    this.#files.close();
  }
}

const LAST_SQL = 'SELECT max(position) FROM event';

/** Opens the log of a data directory for reading. */
export const openLogTail = ({ dir, mark, reported }: LogTailOptions): LogTail =>
  new SqliteTail(dataPlace(dir), mark, reported);

/** Opens a log wherever it lies, as far as it is now; another process may be writing it. */
export const openLogPicture = (place: LogPlace, reported?: Reported): LogTail =>
  new SqliteTail(place, undefined, reported).fix();
