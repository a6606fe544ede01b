/**
 * The segment files of a log directory: names, creation, what each holds at its ends.
 * The one idea: a segment is named for its first position, appears whole under its name (it is laid
 * out under another and renamed), and says in `meta` where the chain goes on.
 * Deliberately unknown here: turns being written, verification of what lies between the ends.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { EventRow } from './log-chain.ts';
import { isWhole, linkOf } from './log-chain.ts';
import { ownFile, removeDatabase, setAside, syncDir } from './log-files.ts';
import { LogOpenError } from './log-report.ts';
import type { SegmentMeta } from './log-schema.ts';
import {
  EVENT_COLUMNS,
  LOG_FORMAT,
  layOut,
  openForReading,
  readHeaderFormat,
  readMeta,
} from './log-schema.ts';

const NAME_DIGITS = 12;
const NAME_PATTERN = /^\d{12,15}\.db$/;
const SEAL_PATTERN = /^(\d{12,15}\.db)\.seal(\.tmp)?$/;
const DRAFT_PATTERN = /\.db\.(rebuilding|erasing)$/;
const NEW_NAME = 'new.tmp';
/** Ends the name of a segment that is being rewritten; see log-erase.ts. */
export const ERASING_SUFFIX = '.erasing';

/** A segment and its ends. An empty one has `last` = `first - 1`. */
export interface SegmentInfo {
  readonly name: string;
  readonly path: string;
  readonly first: number;
  readonly last: number;
  readonly lastTurn: number;
  readonly lastAt: number;
  /** Chain value of the last record, or the one before the first of an empty segment. */
  readonly lastChain: string;
  /** Undefined where it is damaged. */
  readonly meta: SegmentMeta | undefined;
  /** True when rows at the end are damaged, so nothing may be appended here. */
  readonly isEndDamaged: boolean;
}

/** The name of the segment that begins at a position. */
export const segmentName = (first: number): string =>
  `${String(first).padStart(NAME_DIGITS, '0')}.db`;

/** The position a segment is named for. */
export const firstOf = (name: string): number => Number.parseInt(name, 10);

/** True for a name that a segment may have. */
export const isSegmentName = (name: string): boolean => NAME_PATTERN.test(name);

/** Names of the segments, oldest first. */
export const listSegments = (logDir: string): string[] =>
  readdirSync(logDir)
    .filter(isSegmentName)
    .sort((one, other) => firstOf(one) - firstOf(other));

/** Creates the segment that `meta` describes and answers its path. */
export const createSegment = (logDir: string, meta: SegmentMeta): string => {
  const draft = join(logDir, NEW_NAME);
  removeDatabase(draft);
  ownFile(draft);
  layOut(draft, meta);
  const path = join(logDir, segmentName(meta.first));
  // Only a segment in which nothing whole was found can have the name of a new one.
  if (existsSync(path)) setAside(path);
  renameSync(draft, path);
  syncDir(logDir);
  return path;
};

/** Removes what a crash may have left of a segment being made. */
export const sweepDrafts = (logDir: string): void => {
  removeDatabase(join(logDir, NEW_NAME));
  for (const name of readdirSync(logDir)) {
    if (DRAFT_PATTERN.test(name)) removeDatabase(join(logDir, name));
    // A seal being made, and one whose segment went meanwhile.
    const ofSeal = SEAL_PATTERN.exec(name);
    const isStray =
      ofSeal !== null && (ofSeal[2] !== undefined || !existsSync(join(logDir, ofSeal[1] ?? '')));
    if (isStray) rmSync(join(logDir, name), { force: true });
  }
};

/** The rows of a segment from `position` on, at most `count`. */
export const prepareRows = (db: Database.Database): Database.Statement =>
  db
    .prepare(`SELECT ${EVENT_COLUMNS} FROM event WHERE position >= ? ORDER BY position LIMIT ?`)
    .raw();

/** One row by its position. */
export const prepareRow = (db: Database.Database): Database.Statement =>
  db.prepare(`SELECT ${EVENT_COLUMNS} FROM event WHERE position = ?`).raw();

/** Looks at both ends of a segment. Throws where SQLite, or its header, says it is damaged. */
export const inspectSegment = (logDir: string, name: string): SegmentInfo => {
  const path = join(logDir, name);
  const db = openForReading(path);
  try {
    const meta = readMeta(db);
    const first = firstOf(name);
    const fromEnd = db
      .prepare(`SELECT ${EVENT_COLUMNS} FROM event ORDER BY position DESC`)
      .raw()
      .iterate() as IterableIterator<EventRow>;
    let isEndDamaged = false;
    for (const row of fromEnd) {
      if (row[0] >= first && isWhole(row)) {
        const [last, lastTurn, lastAt] = row;
        const ends = { last, lastTurn, lastAt, lastChain: linkOf(row) };
        return { name, path, first, meta, isEndDamaged, ...ends };
      }
      isEndDamaged = true;
    }
    const last = first - 1;
    const ends = { last, lastTurn: 0, lastAt: 0, lastChain: meta?.chainBefore ?? '' };
    return { name, path, first, meta, isEndDamaged, ...ends };
  } finally {
    db.close();
  }
};

/** Refuses a directory written by a newer Waybill, before anything in it is touched. */
export const refuseNewerFormat = (logDir: string): void => {
  for (const name of listSegments(logDir)) {
    const path = join(logDir, name);
    // A flipped bit in the header is damage, not a newer format: both places must say it.
    if (readHeaderFormat(path) <= LOG_FORMAT) continue;
    const format = formatInMeta(path);
    if (format === undefined || format <= LOG_FORMAT) continue;
    const formats = `(format ${format}, this one reads ${LOG_FORMAT})`;
    throw new LogOpenError(`data directory was written by a newer Waybill ${formats}`);
  }
};

const formatInMeta = (path: string): number | undefined => {
  try {
    const db = openForReading(path, { anyTable: true });
    try {
      const sql = "SELECT value FROM meta WHERE key = 'format'";
      return Number(db.prepare(sql).pluck().get());
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
};
