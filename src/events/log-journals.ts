/**
 * Rollback journals left by a crash. The one idea: a segment is in rollback mode while it is laid
 * out or sealed, and a kill in that moment leaves a hot journal, which SQLite plays back only for
 * one who may write. So recovery opens such segments once before anybody reads them. Deliberately
 * unknown here: what the segments hold.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { listSegments } from './log-segments.ts';

/** Lets SQLite roll back what a crash left half done, in every segment that has a journal. */
export const settleJournals = (logDir: string): void => {
  for (const name of listSegments(logDir)) {
    const path = join(logDir, name);
    if (!existsSync(`${path}-journal`)) continue;
    try {
      const db = new Database(path, { fileMustExist: true });
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
      db.close();
    } catch {
      // What cannot be opened now is damaged, and is dealt with as such by the inspection.
    }
  }
};
