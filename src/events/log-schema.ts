/**
 * The tables of a log segment and the settings every connection to one must have. The one idea:
 * better-sqlite3 defaults to synchronous=NORMAL and loses acknowledged rows at a power cut
 * (reliability.md M1), so durability is set here *and read back*, or nothing is opened.
 * Deliberately unknown here: which segments exist, what is written into them.
 */
import { openSync, readSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { sumOf } from './log-chain.ts';
import { closePlain, holdFile, letGoOfFile } from './log-locks.ts';

/**
 * The format this Waybill writes; also in the header of every segment (user_version). Links of
 * format 1 had no salt. Older segments are read, and never appended to.
 */
export const LOG_FORMAT = 2;
/** Fixed, so that a segment whose header is damaged can still be read page by page. */
export const PAGE_BYTES = 4096;
/** `WBLG`, shown by file(1) and checked at opening. */
const APPLICATION_ID = 0x57424c47;
/** How long a statement waits for a reader or a prompt that holds a lock. */
const LOCK_WAIT_MS_MAX = 5_000;
const HEADER_BYTES = 100;
const CAUSE_CHARS_MAX = 300;
const USER_VERSION_OFFSET = 60;

/** The one table that matters; compared word for word at every opening. */
export const EVENT_TABLE =
  'CREATE TABLE event (position INTEGER PRIMARY KEY, turn INTEGER NOT NULL, ' +
  'at INTEGER NOT NULL, stream TEXT NOT NULL, type TEXT NOT NULL, version INTEGER NOT NULL, ' +
  'body TEXT NOT NULL, sum INTEGER NOT NULL, chain BLOB NOT NULL)';
const META_TABLE = 'CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID';
/** For people at the sqlite3 prompt; the engine never reads it. */
const TIMELINE_VIEW =
  "CREATE VIEW timeline AS SELECT position, turn, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, " +
  "'unixepoch') AS time, stream, type, version, body FROM event";

/** The columns of an `EventRow`, in its order. */
export const EVENT_COLUMNS =
  'position, turn, at, stream, type, version, body, sum, lower(hex(chain)) AS chain';

/** What a segment says about itself. */
export interface SegmentMeta {
  readonly format: number;
  readonly node: string;
  /** Position of the first record this segment may hold; also its name. */
  readonly first: number;
  /** Last position really there when this segment was begun: `first - 1`, or a known gap. */
  readonly after: number;
  /** Chain value before the first record; '' where it is not known. */
  readonly chainBefore: string;
}

/** A segment whose bytes are not those of a segment; the caller salvages it. */
export class SegmentDamaged extends Error {
  override readonly name = 'SegmentDamaged';
}

/** Failures that say nothing about the bytes of a segment: locks, rights, room, memory. */
const NOT_DAMAGE =
  /^(SQLITE_(BUSY|LOCKED|NOMEM|PERM|AUTH|CANTOPEN|READONLY|FULL|PROTOCOL)|E(?!IO$)[A-Z]+$)/;

/** True when a failed read means that the segment's bytes are not those of a segment. */
export const isDamage = (error: unknown): boolean =>
  !NOT_DAMAGE.test((error as { code?: string }).code ?? 'SEGMENT');

/** What a failure said, in one line. */
export const sayCause = (error: unknown): string => {
  const said = error instanceof Error ? error.message : String(error);
  return said.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, CAUSE_CHARS_MAX);
};

const metaSum = (meta: SegmentMeta): number =>
  sumOf([meta.format, meta.node, meta.first, meta.after, meta.chainBefore].join(' '));

const demandPragma = (db: Database.Database, name: string, wanted: unknown): void => {
  const found: unknown = db.pragma(name, { simple: true });
  if (found !== wanted) throw new Error(`sqlite ${name} is ${String(found)}, not ${wanted}`);
};

/** Opens a segment for appending: WAL, FULL, both read back. */
export const openForAppend = (path: string): Database.Database => {
  const db = new Database(path, { fileMustExist: true, timeout: LOCK_WAIT_MS_MAX });
  holdFile(path);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    // Checkpoints run between turns, after the answer, never inside a commit.
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    demandPragma(db, 'journal_mode', 'wal');
    demandPragma(db, 'synchronous', 2);
    demandPragma(db, 'wal_autocheckpoint', 0);
    return db;
  } catch (error) {
    db.close();
    letGoOfFile(path);
    throw error;
  }
};

/**
 * Opens a segment read-only and checks that its tables are the ones we wrote; `anyTable` is for
 * asking a segment of an unknown format which one it has. `isLive` says that another thread of this
 * process has it open for writing: it looked at the header, and a plain descriptor of ours would
 * drop its locks.
 */
export const openForReading = (
  path: string,
  { anyTable = false, isLive = false } = {},
): Database.Database => {
  if (!isLive) demandHeader(path);
  const db = new Database(path, {
    readonly: true,
    fileMustExist: true,
    timeout: LOCK_WAIT_MS_MAX,
  });
  try {
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    const sql: unknown = db
      .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'event'")
      .pluck()
      .get();
    if (sql !== EVENT_TABLE && !anyTable)
      throw new SegmentDamaged('its table event is not the one written');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/**
 * Fills an empty file with the tables of a segment. Not in WAL mode: closing would ignore that the
 * tables found no room, and leave them in a write-ahead log of the wrong name.
 */
export const layOut = (path: string, meta: SegmentMeta): void => {
  const db = new Database(path, { fileMustExist: true });
  try {
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma('journal_mode = DELETE');
    db.pragma('synchronous = FULL');
    db.transaction(() => {
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${meta.format}`);
      db.exec(`${EVENT_TABLE}; ${META_TABLE}; ${TIMELINE_VIEW}`);
      const put = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
      for (const [key, value] of Object.entries(meta)) put.run(key, String(value));
      put.run('sum', String(metaSum(meta)));
    })();
  } finally {
    db.close();
  }
};

/** Reads what a segment says about itself; undefined when that is damaged. */
export const readMeta = (db: Database.Database): SegmentMeta | undefined => {
  const rows = db.prepare('SELECT key, value FROM meta').raw().all() as [string, string][];
  const found = new Map(rows);
  const meta: SegmentMeta = {
    format: Number(found.get('format')),
    node: found.get('node') ?? '',
    first: Number(found.get('first')),
    after: Number(found.get('after')),
    chainBefore: found.get('chainBefore') ?? '',
  };
  return String(metaSum(meta)) === found.get('sum') ? meta : undefined;
};

const readHeader = (path: string): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closePlain(path, file);
  }
  return header;
};

/** The format in the file header, read without SQLite so that nothing on disk is touched. */
export const readHeaderFormat = (path: string): number =>
  readHeader(path).readUInt32BE(USER_VERSION_OFFSET);

/**
 * Checks the header fields SQLite would act upon without complaint: a flipped journal byte makes it
 * ignore the write-ahead log, and the records in it would silently be gone.
 */
const demandHeader = (path: string): void => {
  const header = readHeader(path);
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  const versions = `${header[18]} ${header[19]}`;
  const isWal = versions === '2 2';
  const isSound =
    header.toString('latin1', 0, 16) === 'SQLite format 3\0' &&
    header.readUInt16BE(16) === PAGE_BYTES &&
    (isWal || versions === '1 1') &&
    (isWal || wal === undefined || wal.size === 0) &&
    header[20] === 0 &&
    header.readUInt32BE(56) === 1 &&
    header.readUInt32BE(68) === APPLICATION_ID;
  if (!isSound) throw new SegmentDamaged('its header is damaged');
};
