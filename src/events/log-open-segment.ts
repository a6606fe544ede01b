/**
 * A segment open for appending: opened with everything prepared once, sealed into a single file
 * when it is full, or closed as it is.
 * Deliberately unknown here: what is appended, when a segment is full.
 */
import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { letGoOfFile } from './log-locks.ts';
import { openForAppend } from './log-schema.ts';
import { dropSeal } from './log-seals.ts';
import { prepareRow } from './log-segments.ts';

/** The segment being written, with everything prepared once. */
export interface OpenSegment {
  readonly first: number;
  readonly path: string;
  readonly db: Database.Database;
  readonly begin: Database.Statement;
  readonly insert: Database.Statement;
  readonly commit: Database.Statement;
  readonly rollback: Database.Statement;
  readonly findRow: Database.Statement;
  readonly walInode: number;
}

/** Opens a segment to append to it; leaves nothing open when it fails. */
export const open = (path: string, first: number): OpenSegment => {
  dropSeal(path);
  const db = openForAppend(path);
  try {
    return prepare(db, path, first);
  } catch (error) {
    db.close();
    letGoOfFile(path);
    throw error;
  }
};

const prepare = (db: Database.Database, path: string, first: number): OpenSegment => {
  // Nothing of an earlier process may linger in the write-ahead log beside what is written now.
  db.pragma('wal_checkpoint(TRUNCATE)');
  return {
    first,
    path,
    db,
    begin: db.prepare('BEGIN IMMEDIATE'),
    insert: db.prepare('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    findRow: prepareRow(db),
    walInode: statSync(`${path}-wal`).ino,
  };
};

/** Closes a segment as it is, with its write-ahead log. */
export const closeSegment = ({ db, path }: OpenSegment): void => {
  db.close();
  letGoOfFile(path);
};

/**
 * Leaves a segment as one file: no write-ahead log beside it, readable from read-only media.
 * False where a reader is in the way.
 */
export const seal = (segment: OpenSegment): boolean => {
  const { db } = segment;
  db.pragma('busy_timeout = 0');
  const [outcome] = db.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
  if (outcome.busy !== 0) return false;
  try {
    db.pragma('journal_mode = DELETE');
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return false;
    throw error;
  }
  closeSegment(segment);
  return true;
};
