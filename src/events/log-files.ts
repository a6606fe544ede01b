/**
 * Small file moves that must survive a power cut.
 * The one idea: a name is durable only after its directory was synced, so whatever creates, renames
 * or removes a file here ends with that.
 * Deliberately unknown here: what is in the files.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** What is written and removed to give outcomes room when the disk is full. */
const BALLAST_BYTES = 8 * 1024 * 1024;
const BALLAST_NAME = 'ballast';
const PROBE_BYTES = 8192;

/** Makes the entries of a directory durable. */
export const syncDir = (dir: string): void => {
  const file = openSync(dir, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/** Creates a directory of the owner alone, or takes the rights of others from an existing one. */
export const ownDir = (dir: string): void => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if ((statSync(dir).mode & 0o077) !== 0) chmodSync(dir, 0o700);
};

/** Creates an empty file of the owner alone; what SQLite puts beside it has the same rights. */
export const ownFile = (path: string): void => {
  closeSync(openSync(path, 'wx', 0o600));
};

/** Creates a file of the owner alone where there is none yet; two processes may try at once. */
export const ownFileOnce = (path: string): void => {
  if (existsSync(path)) return;
  try {
    ownFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/** The SHA-256 of a text, in hex digits. */
export const sha256Of = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** Writes a line for people to read. */
export const writeNote = (path: string, text: string): void => {
  writeFileSync(path, text, { mode: 0o600 });
};

/** Replaces a text file as a whole; durable when this returns. */
export const writeDurably = (path: string, text: string): void => {
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  syncDir(dirname(path));
};

/** Reads such a line; undefined where there is none. */
export const readNote = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Takes such a line away. */
export const dropNote = (path: string): void => rmSync(path, { force: true });

/** Renames where there is something to rename. */
export const moveIfThere = (from: string, to: string): void => {
  if (existsSync(from)) renameSync(from, to);
};

/** Removes a database, what SQLite left beside it, and its seal. */
export const removeDatabase = (path: string): void => {
  for (const suffix of ['', '-wal', '-shm', '-journal', '.seal'])
    rmSync(path + suffix, { force: true });
};

/**
 * Takes a damaged database out of the way, as `<name>.damaged`, with its write-ahead log, which
 * must be gone before another file has the name it belongs to. What a crash left undone is done
 * again.
 */
export const setAside = (path: string): void => {
  let aside = `${path}.damaged`;
  for (let count = 2; existsSync(aside); count++) aside = `${path}.damaged-${count}`;
  moveIfThere(`${path}-wal`, `${aside}-wal`);
  rmSync(`${path}-shm`, { force: true });
  rmSync(`${path}-journal`, { force: true });
  moveIfThere(`${path}.seal`, `${aside}.seal`);
  moveIfThere(path, aside);
  syncDir(dirname(path));
};

/** Puts the ballast down if it is not there and there is room for two of it; true when it lies. */
export const layBallast = (dir: string): boolean => {
  const path = join(dir, BALLAST_NAME);
  if (existsSync(path)) return true;
  const space = statfsSync(dir);
  if (space.bavail * space.bsize < 2 * BALLAST_BYTES) return false;
  // Random, so that a file system that compresses cannot make it vanish.
  try {
    writeFileSync(path, randomBytes(BALLAST_BYTES), { mode: 0o600 });
    return true;
  } catch {
    // No room after all: another time.
    rmSync(path, { force: true });
    return false;
  }
};

/** Throws the ballast overboard; false when there was none. */
export const dropBallast = (dir: string): boolean => {
  const path = join(dir, BALLAST_NAME);
  if (!existsSync(path)) return false;
  rmSync(path, { force: true });
  return true;
};

const FULL_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** True for a file operation that failed for want of room. */
export const isNoRoom = (error: unknown): boolean =>
  FULL_CODES.has((error as { code?: string }).code);

/**
 * SQLite reports a quota or a file size limit as an I/O error; a write of our own beyond the end of
 * `beside` shows which it was. The probe is sparse, so it costs two pages.
 */
export const isFull = (beside: string): boolean => {
  const probe = join(dirname(beside), 'probe.tmp');
  try {
    const size = statSync(beside, { throwIfNoEntry: false })?.size ?? 0;
    const file = openSync(probe, 'w', 0o600);
    try {
      writeSync(file, Buffer.alloc(PROBE_BYTES, 1), 0, PROBE_BYTES, size);
    } finally {
      closeSync(file);
    }
    return false;
  } catch (error) {
    return isNoRoom(error);
  } finally {
    rmSync(probe, { force: true });
  }
};
