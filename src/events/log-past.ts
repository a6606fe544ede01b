/**
 * The log of a data directory as history: which position an instant or a turn is, the records of a
 * span, the last one of a kind before a position. The one idea: it is opened once, reads only, and
 * goes no further than the log did at that moment, so a daemon may run beside it.
 * Deliberately unknown here: what the records mean, and what is folded from them.
 */
import type Database from 'better-sqlite3';
import type { StoredRecord } from '../ports/ports.ts';
import type { EventRow } from './log-chain.ts';
import { isWhole } from './log-chain.ts';
import { findLogDir, lookAtSegments } from './log-look.ts';
import { DamageReports } from './log-report.ts';
import { EVENT_COLUMNS, openForReading } from './log-schema.ts';
import type { SegmentInfo } from './log-segments.ts';
import { prepareRow } from './log-segments.ts';
import type { Snapshot } from './log-snapshots.ts';
import { findSnapshots, readSnapshot } from './log-snapshots.ts';
import { toRecord, walkRows } from './log-walk.ts';

/** Which records are meant; what is absent is any. */
export interface RecordFilter {
  readonly types?: readonly string[];
  readonly stream?: string;
}

/** What `turn` and `at` have in common: neither ever goes back from one record to the next. */
type Rising = 'turn' | 'at';

/** A log that is only read. */
export class LogPast {
  /** What was found damaged on the way. */
  readonly reports = new DamageReports();
  readonly #dir: string;
  readonly #segments: readonly SegmentInfo[];

  /** Opens the log of a data directory; throws LogOpenError where there is none to read. */
  constructor(dir: string) {
    this.#dir = dir;
    this.#segments = lookAtSegments(findLogDir(dir));
  }

  /** Lowest position that is still here. */
  get first(): number {
    return this.#segments[0]?.first ?? 1;
  }

  /** Highest position; one less than `first` in an empty log. */
  get last(): number {
    return this.#segments.reduce((last, segment) => Math.max(last, segment.last), this.first - 1);
  }

  /** Position of the last record of the turns up to an instant; `first - 1` where there is none. */
  positionAt(at: number): number {
    return this.#upto('at', at);
  }

  /** Position of the last record of the turns up to this one. */
  positionOfTurn(turn: number): number {
    return this.#upto('turn', turn);
  }

  /** The record at a position; undefined where it is missing or damaged. */
  find(position: number): StoredRecord | undefined {
    const segment = this.#segments.findLast(({ first }) => first <= position);
    if (segment === undefined || segment.last < position) return undefined;
    return reading(segment, (db) => proven(prepareRow(db).get(position) as EventRow | undefined));
  }

  /** Proven records of a span, in order, in chunks; damage is in `reports`. */
  *walk(from: number, upto: number): Generator<StoredRecord[]> {
    const { reports } = this;
    for (const rows of walkRows({ segments: this.#segments, from, upto, reports })) {
      yield rows.map(toRecord);
    }
  }

  /** Proven records of a span that are meant, in order; the others are passed over by SQLite. */
  *records(filter: RecordFilter, from: number, upto: number): Generator<StoredRecord> {
    for (const segment of this.#segments) {
      if (segment.last < from || segment.first > upto) continue;
      const db = openForReading(segment.path);
      try {
        for (const row of select(db, filter, 'ASC', from, upto)) {
          const record = proven(row);
          if (record !== undefined) yield record;
        }
      } finally {
        db.close();
      }
    }
  }

  /** The last record up to a position that is meant and wanted. */
  findLast(
    filter: RecordFilter,
    upto: number,
    isWanted: (record: StoredRecord) => boolean = () => true,
  ): StoredRecord | undefined {
    for (const segment of [...this.#segments].reverse()) {
      if (segment.first > upto || segment.last < segment.first) continue;
      const found = reading(segment, (db) => {
        for (const row of select(db, filter, 'DESC', segment.first, upto)) {
          const record = proven(row);
          if (record !== undefined && isWanted(record)) return record;
        }
        return undefined;
      });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The newest picture of the books up to a position that can be read. */
  snapshot(upto: number): Snapshot | undefined {
    for (const position of findSnapshots(this.#dir)) {
      if (position > upto) continue;
      const snapshot = readSnapshot(this.#dir, position);
      if (typeof snapshot !== 'string') return snapshot;
    }
    return undefined;
  }

  /** Positions of the pictures there are, newest first. */
  get snapshots(): readonly number[] {
    return findSnapshots(this.#dir);
  }

  #upto(column: Rising, value: number): number {
    for (const segment of [...this.#segments].reverse()) {
      if (segment.last < segment.first) continue;
      const found = reading(segment, (db) => lastUpto(db, segment, column, value));
      if (found >= segment.first) return found;
    }
    return this.first - 1;
  }
}

function reading<T>({ path }: SegmentInfo, task: (db: Database.Database) => T): T {
  const db = openForReading(path);
  try {
    return task(db);
  } finally {
    db.close();
  }
}

const proven = (row: EventRow | undefined): StoredRecord | undefined =>
  row !== undefined && isWhole(row) ? toRecord(row) : undefined;

/** Halves the positions of a segment until one is left: thirty looks in a thousand million. */
function lastUpto(
  db: Database.Database,
  { first, last }: SegmentInfo,
  column: Rising,
  value: number,
): number {
  const sql = `SELECT position, ${column} FROM event WHERE position >= ? ORDER BY position LIMIT 1`;
  const next = db.prepare(sql).raw();
  let found = first - 1;
  let upto = last;
  while (found < upto) {
    const middle = Math.ceil((found + upto) / 2);
    const row = next.get(middle) as [number, number] | undefined;
    if (row !== undefined && row[0] <= last && row[1] <= value) found = row[0];
    else upto = middle - 1;
  }
  return found;
}

function select(
  db: Database.Database,
  { types, stream }: RecordFilter,
  order: 'ASC' | 'DESC',
  from: number,
  upto: number,
): IterableIterator<EventRow> {
  const marks = types?.map(() => '?').join(', ');
  const conditions = [
    'position BETWEEN ? AND ?',
    ...(marks === undefined ? [] : [`type IN (${marks})`]),
    ...(stream === undefined ? [] : ['stream = ?']),
  ];
  const where = conditions.join(' AND ');
  const sql = `SELECT ${EVENT_COLUMNS} FROM event WHERE ${where} ORDER BY position ${order}`;
  const values = [from, upto, ...(types ?? []), ...(stream === undefined ? [] : [stream])];
  return db
    .prepare(sql)
    .raw()
    .iterate(...values) as IterableIterator<EventRow>;
}
