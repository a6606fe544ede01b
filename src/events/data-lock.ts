/**
 * One daemon per data directory.
 * The one idea: the lock is a file lock that SQLite holds on `lock.db`, so the kernel drops it with
 * the process, whatever ended it; the text in `lock.pid` only names the holder and decides nothing.
 * Deliberately unknown here: what lies in the directory.
 */
import Database from 'better-sqlite3';
import { dropNote, ownDir, ownFileOnce, readNote, writeNote } from './log-files.ts';

/** Long enough for a process that is just ending, short enough to answer within a second. */
const WAIT_MS_MAX = 300;

/** Somebody else has the directory; the message is one clear sentence. */
export class DataDirLocked extends Error {
  override readonly name = 'DataDirLocked';
}

/** The right to use a data directory; it ends with `release` or with the process. */
export interface DataLock {
  release(): Promise<void>;
}

/** Which lock, and how long its holder is given to end. */
export interface LockWish {
  /** `manager` for a whole daemon; else that of the worker, which owns log and bodies. */
  readonly name?: 'manager' | 'lock';
  readonly waitMs?: number;
}

/** Held here as well: a lock whose holder forgot its value must not go with the garbage. */
const held = new Set<Database.Database>();

const openLockFile = (path: string, waitMs: number): Database.Database => {
  // Never opened other than by SQLite: closing any other handle of ours would drop the lock.
  ownFileOnce(path);
  return new Database(path, { timeout: waitMs });
};

/** Takes the directory for this process, or rejects with `DataDirLocked`. */
export const lockDataDir = async (dir: string, wish: LockWish = {}): Promise<DataLock> => {
  const { name = 'lock', waitMs = WAIT_MS_MAX } = wish;
  ownDir(dir);
  const note = `${dir}/${name}.pid`;
  const db = openLockFile(`${dir}/${name}.db`, waitMs);
  try {
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!(error as { code?: string }).code?.startsWith('SQLITE_BUSY')) throw error;
    const pid = readNote(note) ?? 'unknown';
    throw new DataDirLocked(`${dir} is in use by another waybilld (pid ${pid})`);
  }
  writeNote(note, `${process.pid}\n`);
  held.add(db);
  return {
    release: async () => {
      if (!db.open) return;
      dropNote(note);
      held.delete(db);
      db.close();
    },
  };
};
