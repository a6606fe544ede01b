/**
 * Pictures of the books, so that a start replays the living part of history only.
 * The one idea: a snapshot is never half there. It is written under another name, synced, renamed,
 * and carries a checksum of its bytes; the newest two are kept, so one damaged picture costs time,
 * not truth.
 * Deliberately unknown here: what the bytes mean.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { sumOf } from './log-chain.ts';
import { ownDir, syncDir } from './log-files.ts';
import { sayCause } from './log-schema.ts';

const SNAPSHOT_FORMAT = 1;
/** A line of JSON, padded; `head -1` shows it. */
const HEADER_BYTES = 512;
const SNAPSHOTS_KEPT = 2;
/** Bytes summed and written between two looks at the inbox of the log thread. */
const STEP_BYTES = 1024 * 1024;
const NAME_DIGITS = 12;
const NAME_PATTERN = /^\d{12,15}\.snap$/;

/** A picture of the books. */
export interface Snapshot {
  readonly position: number;
  /** Chain value of the record at `position`. */
  readonly chain: string;
  readonly bytes: Uint8Array;
}

const snapshotDir = (dir: string): string => join(dir, 'snapshots');

/** Positions of the snapshots there are, newest first. */
export const findSnapshots = (dir: string): number[] => {
  if (!existsSync(snapshotDir(dir))) return [];
  return readdirSync(snapshotDir(dir))
    .filter((name) => NAME_PATTERN.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((one, other) => other - one);
};

const pathOf = (dir: string, position: number): string =>
  join(snapshotDir(dir), `${String(position).padStart(NAME_DIGITS, '0')}.snap`);

/** The files of the snapshots there are, newest first. */
export const findSnapshotFiles = (dir: string): { position: number; path: string }[] =>
  findSnapshots(dir).map((position) => ({ position, path: pathOf(dir, position) }));

/** Removes snapshots that are not wanted any more. */
export const dropSnapshots = (
  dir: string,
  isGoing: (position: number, path: string) => boolean,
): void => {
  for (const { position, path } of findSnapshotFiles(dir)) {
    if (isGoing(position, path)) rmSync(path);
  }
};

const formatHeader = (position: number, chain: string, bytes: number, crc: number): Buffer => {
  const fields = { format: SNAPSHOT_FORMAT, position, chain, bytes, crc };
  const line = JSON.stringify({ ...fields, sum: sumOf(JSON.stringify(fields)) });
  return Buffer.from(`${line.padEnd(HEADER_BYTES - 1)}\n`, 'latin1');
};

/** Writes a snapshot in small steps and answers when it is durable under its name. */
export const writeSnapshot = async (dir: string, snapshot: Snapshot): Promise<void> => {
  const { position, chain, bytes } = snapshot;
  const path = pathOf(dir, position);
  const draft = `${path}.tmp`;
  const file = await open(draft, 'w', 0o600);
  try {
    let crc = 0;
    for (let from = 0; from < bytes.length; from += STEP_BYTES) {
      const step = bytes.subarray(from, from + STEP_BYTES);
      crc = crc32(step, crc);
      for (let done = 0; done < step.length; ) {
        const at = HEADER_BYTES + from + done;
        done += (await file.write(step, done, step.length - done, at)).bytesWritten;
      }
    }
    const header = formatHeader(position, chain, bytes.length, crc);
    await file.write(header, 0, HEADER_BYTES, 0);
    await file.sync();
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(draft, path);
  syncDir(snapshotDir(dir));
  for (const old of findSnapshots(dir).slice(SNAPSHOTS_KEPT)) rmSync(pathOf(dir, old));
};

/** Removes what a crash left of snapshots being written. */
export const sweepSnapshots = (dir: string): void => {
  ownDir(snapshotDir(dir));
  for (const name of readdirSync(snapshotDir(dir))) {
    if (name.endsWith('.snap.tmp')) rmSync(join(snapshotDir(dir), name));
  }
};

/** Reads one snapshot; a string says in half a sentence why it cannot be used. */
export const readSnapshot = (dir: string, position: number): Snapshot | string => {
  try {
    return readChecked(dir, position);
  } catch (error) {
    return `cannot be read (${sayCause(error)})`;
  }
};

const readChecked = (dir: string, position: number): Snapshot | string => {
  const path = pathOf(dir, position);
  const header = readHeader(path);
  if (typeof header === 'string') return header;
  if (header.position !== position) return 'is not the one its name says';
  if (statSync(path).size !== HEADER_BYTES + header.bytes) return 'has the wrong length';
  const bytes = readWhole(path, header.bytes);
  // Against decay, not against forgers; a SHA-256 of a million rows cost a start 0.3 s.
  if (crc32(bytes) !== header.crc) return 'is damaged';
  return { position, chain: header.chain, bytes };
};

/** In memory of its own, so that it can be handed to another thread. */
const readWhole = (path: string, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < length; ) {
      const got = readSync(file, bytes, done, length - done, HEADER_BYTES + done);
      if (got === 0) throw new Error('it ends too early');
      done += got;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
};

interface Header {
  readonly format: number;
  readonly position: number;
  readonly chain: string;
  readonly bytes: number;
  readonly crc: number;
}

const readHeader = (path: string): Header | string => {
  const file = openSync(path, 'r');
  const head = Buffer.alloc(HEADER_BYTES);
  try {
    readSync(file, head, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  try {
    const { sum, ...fields } = JSON.parse(head.toString('latin1')) as Header & { sum: number };
    if (sumOf(JSON.stringify(fields)) !== sum) return 'has a damaged header';
    if (fields.format > SNAPSHOT_FORMAT) {
      return `was written by a newer Waybill (format ${fields.format})`;
    }
    return fields;
  } catch {
    return 'has a damaged header';
  }
};
