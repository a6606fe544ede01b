/**
 * Walks the records of a log in order and judges every one.
 * The one idea: one walk serves replay and `verify`. It yields what is whole in chunks and reports
 * the rest by position: what is missing, damaged or does not link to its past is never passed over
 * in silence, and never stops the walk.
 * Deliberately unknown here: threads, who folds the records, where new ones are appended.
 */
import type Database from 'better-sqlite3';
import type { StoredRecord } from '../ports/ports.ts';
import type { EventRow } from './log-chain.ts';
import { ChainFollower, isWhole, linkOf } from './log-chain.ts';
import type { DamageReports } from './log-report.ts';
import { sayPositions } from './log-report.ts';
import { isDamage, openForReading, sayCause } from './log-schema.ts';
import type { SegmentInfo } from './log-segments.ts';
import { prepareRow, prepareRows } from './log-segments.ts';

/** Rows read, judged and handed on at a time. */
export const WALK_RECORDS_MAX = 4096;

/** What a walk needs. */
export interface WalkOrder {
  readonly segments: readonly SegmentInfo[];
  /** First and last position wanted; records beyond `upto` are not looked at. */
  readonly from: number;
  readonly upto: number;
  /** Chain value of the record before `from`, where known. */
  readonly previousChain?: string | undefined;
  readonly reports: DamageReports;
  /**
   * Asked once per segment that is unreadable or lacks positions: answers the segment rebuilt from
   * what can be saved, or undefined where nothing more can be had.
   */
  readonly rescue?: (
    segment: SegmentInfo,
    from: number,
    upto: number,
    isUnreadable: boolean,
  ) => SegmentInfo | undefined;
  /** Told the name of every segment in which damage was met. */
  readonly damaged?: (name: string) => void;
}

/** The columns of an event, as an object. */
export const toRecord = (row: EventRow): StoredRecord => ({
  position: row[0],
  turn: row[1],
  at: row[2],
  stream: row[3],
  type: row[4],
  version: row[5],
  body: row[6],
});

/** The chain value stored with one record, or undefined where there is no such record. */
export const findChain = (
  segments: readonly SegmentInfo[],
  position: number,
): string | undefined => {
  const segment = segments.findLast(({ first }) => first <= position);
  if (segment === undefined) return undefined;
  try {
    const db = openForReading(segment.path);
    try {
      const row = prepareRow(db).get(position) as EventRow | undefined;
      return row && linkOf(row);
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
};

/** Where reading a segment ended: at its end, at missing positions, or at what SQLite refused. */
type Stop =
  | { readonly kind: 'done' }
  | { readonly kind: 'gap'; readonly upto: number }
  | { readonly kind: 'unreadable'; readonly cause: string };

const DONE: Stop = { kind: 'done' };

/** The state of one walk. */
class Walk {
  readonly #order: WalkOrder;
  readonly #chain = new ChainFollower();
  /** The position that has to come next. */
  #expected: number;

  constructor(order: WalkOrder) {
    this.#order = order;
    this.#expected = order.from;
    this.#chain.restart(order.previousChain);
  }

  *rows(): Generator<EventRow[]> {
    const { segments, upto } = this.#order;
    for (const [index, segment] of segments.entries()) {
      const bound = (segments[index + 1]?.first ?? Number.MAX_SAFE_INTEGER) - 1;
      if (bound < this.#expected || segment.first > upto) continue;
      if (segment.first > this.#expected) {
        this.#missing(segment.first - 1, segment.name, 'segment-missing');
      }
      if (segment.first === this.#expected) {
        this.#chain.startAt(segment.meta?.chainBefore || undefined);
      }
      yield* this.#segment(segment, Math.min(upto, bound));
    }
    this.#missing(upto, undefined, 'segment-missing');
  }

  *#segment(found: SegmentInfo, end: number): Generator<EventRow[]> {
    let segment = found;
    let mayRescue = this.#order.rescue !== undefined;
    for (;;) {
      const stop = yield* this.#read(segment, end, mayRescue);
      if (stop.kind === 'done') return;
      const isUnreadable = stop.kind === 'unreadable';
      const upto = stop.kind === 'gap' ? stop.upto : end;
      const rescued = mayRescue
        ? this.#order.rescue?.(segment, this.#expected, upto, isUnreadable)
        : undefined;
      mayRescue = false;
      if (rescued !== undefined) segment = rescued;
      else if (isUnreadable) return this.#unreadable(segment, stop.cause);
    }
  }

  *#read(segment: SegmentInfo, end: number, mayRescue: boolean): Generator<EventRow[], Stop> {
    let db: Database.Database | undefined;
    try {
      db = openForReading(segment.path);
      const statement = prepareRows(db);
      let cursor = this.#expected;
      for (;;) {
        const rows = statement.all(cursor, WALK_RECORDS_MAX) as EventRow[];
        const before = this.#expected;
        const whole: EventRow[] = [];
        const gap = this.#judge(rows, whole, segment, end, mayRescue);
        if (whole.length > 0) yield whole;
        if (gap !== undefined) return gap;
        const last = rows.at(-1);
        if (rows.length < WALK_RECORDS_MAX || last === undefined) break;
        if (this.#expected > end) return DONE;
        cursor = this.#expected > before ? this.#expected : last[0] + 1;
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { kind: 'unreadable', cause: sayCause(error) };
    } finally {
      db?.close();
    }
    if (this.#expected > end) return DONE;
    if (mayRescue) return { kind: 'gap', upto: end };
    this.#missing(end, segment.name, 'position-missing');
    return DONE;
  }

  /** Sorts rows into `whole`; answers a gap where it may still be filled. */
  #judge(
    rows: readonly EventRow[],
    whole: EventRow[],
    segment: SegmentInfo,
    end: number,
    mayRescue: boolean,
  ): Stop | undefined {
    for (const row of rows) {
      const position = row[0];
      if (position > end) {
        // Beyond what was asked for, or beyond what this segment may hold.
        if (end === this.#order.upto) return undefined;
        this.#damaged('record-damaged', position, segment.name);
        continue;
      }
      if (position !== this.#expected) {
        if (position < this.#expected || !isWhole(row)) {
          this.#damaged('record-damaged', position, segment.name);
          continue;
        }
        if (mayRescue) return { kind: 'gap', upto: position - 1 };
        this.#missing(position - 1, segment.name, 'position-missing');
      }
      this.#expected = position + 1;
      if (this.#accept(row, segment)) whole.push(row);
    }
    return undefined;
  }

  #accept(row: EventRow, segment: SegmentInfo): boolean {
    const judgement = this.#chain.judge(row);
    if (judgement === 'whole') return true;
    const kind = judgement === 'unchained' ? 'chain-broken' : 'record-damaged';
    this.#damaged(kind, row[0], segment.name, SENTENCES[judgement]);
    return judgement !== 'damaged';
  }

  #damaged(
    kind: 'chain-broken' | 'record-damaged',
    position: number,
    segment: string,
    what: string = SENTENCES.damaged,
  ): void {
    const sentence = `the record at position ${position} ${what}`;
    this.#order.reports.add({ kind, position, upto: position, segment, sentence });
    this.#order.damaged?.(segment);
  }

  /** Reports everything from the expected position to `upto` as missing and goes on behind it. */
  #missing(
    upto: number,
    segment: string | undefined,
    kind: 'segment-missing' | 'position-missing',
  ): void {
    const position = this.#expected;
    if (position > upto) return;
    const sentence = `${sayPositions(position, upto)} missing from the log`;
    const where = segment === undefined ? {} : { segment };
    this.#order.reports.add({ kind, position, upto, ...where, sentence });
    if (kind === 'position-missing' && segment !== undefined) this.#order.damaged?.(segment);
    this.#expected = upto + 1;
    // Behind a gap any link is accepted, or the one the next segment knows.
    this.#chain.restart(undefined);
  }

  #unreadable({ name }: SegmentInfo, cause: string): void {
    const position = this.#expected;
    const sentence = `segment ${name} cannot be read from position ${position} on: ${cause}`;
    this.#order.reports.add({ kind: 'segment-unreadable', position, segment: name, sentence });
    this.#order.damaged?.(name);
  }
}

const SENTENCES = {
  damaged: 'is damaged and left out',
  'sum-damaged': 'has a damaged checksum; the chain proves the record itself',
  unchained: 'does not follow from the records before it: it or its past was changed',
} as const;

/** The whole records of a log, in order, in chunks. */
export const walkRows = (order: WalkOrder): Generator<EventRow[]> => new Walk(order).rows();
