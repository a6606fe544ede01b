/**
 * The tables of the policy store and the settings every connection to it must have. The one idea:
 * as with the log, durability is set here and read back, or nothing is opened; texts are kept once,
 * under their own checksum, however many versions hold them.
 * Deliberately unknown here: what a version means, and when one is put in force.
 */
import Database from 'better-sqlite3';
import { ownDir, ownFileOnce, syncDir } from './log-files.ts';

/** The format this Waybill writes; in the header of the file (user_version). */
export const POLICY_FORMAT = 3;
/** `WBPS`, shown by file(1). */
const APPLICATION_ID = 0x57425053;
/** How long a statement waits for another process that writes. */
const LOCK_WAIT_MS_MAX = 5_000;

const TABLES = `
CREATE TABLE content (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE version (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('candidate', 'accepted', 'refused')),
  hash TEXT NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  sentence TEXT NOT NULL,
  settings_hash TEXT NOT NULL,
  warnings TEXT NOT NULL,
  code TEXT NOT NULL,
  map TEXT NOT NULL,
  facts TEXT NOT NULL
);
CREATE TABLE file (
  version INTEGER NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (version, path)
) WITHOUT ROWID;
CREATE TABLE activation (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  program TEXT NOT NULL DEFAULT '',
  is_return INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX activation_version ON activation (version, id);
CREATE VIEW timeline AS SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch')
  AS time, state, number = (SELECT version FROM activation ORDER BY id DESC LIMIT 1) AS current,
  hash, reason, sentence FROM version ORDER BY number;
`;

/** A policy store that cannot be used; the message is one clear sentence. */
export class PolicyStoreError extends Error {
  override readonly name = 'PolicyStoreError';
  /** A newer Waybill wrote it: nothing is wrong with the disk. */
  readonly isNewer: boolean;

  constructor(message: string, isNewer = false) {
    super(message);
    this.isNewer = isNewer;
  }
}

const pathOf = (dir: string): string => `${dir}/policy/policy.db`;

const demandPragma = (db: Database.Database, name: string, wanted: unknown): void => {
  const found: unknown = db.pragma(name, { simple: true });
  if (found !== wanted) throw new Error(`sqlite ${name} is ${String(found)}, not ${wanted}`);
};

const demandFormat = (db: Database.Database, path: string): void => {
  const format = db.pragma('user_version', { simple: true }) as number;
  const application = db.pragma('application_id', { simple: true }) as number;
  if (format > POLICY_FORMAT) {
    const formats = `(format ${format}, this one reads ${POLICY_FORMAT})`;
    throw new PolicyStoreError(`${path} was written by a newer Waybill ${formats}`, true);
  }
  if (format < 1 || application !== APPLICATION_ID) {
    throw new PolicyStoreError(`${path} is not a policy store`);
  }
};

// Two processes may come first at once: the second finds the tables when it gets the lock.
const layOut = (db: Database.Database): void => {
  const isEmpty = (): boolean =>
    db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (!isEmpty()) return;
  db.transaction(() => {
    if (!isEmpty()) return;
    db.exec(TABLES);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${POLICY_FORMAT}`);
  }).immediate();
};

/**
 * Format 2 knows which program proved a version; what format 1 put in force is proved again.
 * Format 3 knows which came back in place of one that was taken back; of those before nobody knows.
 */
const bringUp = (db: Database.Database): void => {
  db.transaction(() => {
    const format = db.pragma('user_version', { simple: true }) as number;
    if (format < 1 || format >= POLICY_FORMAT) return;
    if (format < 2) db.exec("ALTER TABLE activation ADD COLUMN program TEXT NOT NULL DEFAULT ''");
    db.exec('ALTER TABLE activation ADD COLUMN is_return INTEGER NOT NULL DEFAULT 0');
    db.pragma(`user_version = ${POLICY_FORMAT}`);
  }).immediate();
};

const openForWriting = (dir: string): Database.Database => {
  const path = pathOf(dir);
  ownDir(`${dir}/policy`);
  ownFileOnce(path);
  const db = new Database(path, { fileMustExist: true, timeout: LOCK_WAIT_MS_MAX });
  try {
    // Before anything is changed: a newer store stays as it is.
    if (db.pragma('user_version', { simple: true }) !== 0) demandFormat(db, path);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    demandPragma(db, 'journal_mode', 'wal');
    demandPragma(db, 'synchronous', 2);
    layOut(db);
    bringUp(db);
    demandFormat(db, path);
    syncDir(`${dir}/policy`);
    syncDir(dir);
    return db;
  } catch (error) {
    db.close();
    throw asStoreError(path, error);
  }
};

const openForReading = (dir: string): Database.Database => {
  const path = pathOf(dir);
  let db: Database.Database;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_WAIT_MS_MAX });
  } catch {
    throw new PolicyStoreError(
      `${dir} holds no policy store: no waybilld has begun there with --policy FILE`,
    );
  }
  try {
    demandFormat(db, path);
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    return db;
  } catch (error) {
    db.close();
    throw asStoreError(path, error);
  }
};

/** Says what SQLite said about a store in a sentence that names the file. */
export const asStoreError = (path: string, error: unknown): unknown => {
  const code = (error as { code?: string }).code ?? '';
  if (!code.startsWith('SQLITE_')) return error;
  const isDamage = /^SQLITE_(CORRUPT|NOTADB)/.test(code);
  const what = isDamage ? 'is damaged; restore it or move it away' : 'cannot be used';
  return new PolicyStoreError(`${path} ${what}: ${(error as Error).message}`);
};

/** Opens the store of a data directory; for writing it is made where there is none. */
export const openPolicyDatabase = (dir: string, mode: 'write' | 'read'): Database.Database =>
  mode === 'write' ? openForWriting(dir) : openForReading(dir);
