/**
 * The high-water mark: how far the log once was, kept outside the log.
 * The one idea: SQLite opens a shortened write-ahead log without a word (reliability.md M7), so the
 * last durable position and its chain value are noted elsewhere, *after* each commit, in two slots
 * written in turn: the mark is never ahead of the log, and a torn slot leaves the other one whole.
 * Deliberately unknown here: SQLite, segments.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { sumOf } from './log-chain.ts';
import { syncDir } from './log-files.ts';

/** One slot, as stored: a line of text, so that `cat` shows it. */
export interface Mark {
  readonly position: number;
  readonly turn: number;
  readonly at: number;
  /** Chain value of the record at `position`. */
  readonly chain: string;
  /** Lowest position that was not released: what lies below is gone on purpose. */
  readonly first: number;
}

/** What the file said. `state` is `missing` where there is none, `damaged` where no slot holds. */
export interface MarkRead {
  readonly state: 'sound' | 'half' | 'damaged' | 'missing';
  readonly mark?: Mark;
}

const FILE_NAME = 'high-water';
/** Each slot has a disk page of its own: a torn write cannot reach the other. */
const SLOT_BYTES = 4096;
const LINE_BYTES = 160;
const LABEL = 'waybill-high-water-1';

const format = (mark: Mark, count: number): string => {
  const { position, turn, at, chain, first } = mark;
  const line = `${LABEL} ${count} ${position} ${turn} ${at} ${chain || '-'} ${first}`;
  const padded = `${line} ${sumOf(line)} `.padEnd(LINE_BYTES - 1);
  return `${padded}\n`;
};

const parse = (text: string): { mark: Mark; count: number } | undefined => {
  const words = text.split(' ');
  const [label, count, position, turn, at, chain, first, sum] = words;
  if (label !== LABEL || chain === undefined) return undefined;
  if (String(sumOf(words.slice(0, 7).join(' '))) !== sum) return undefined;
  const mark = {
    position: Number(position),
    turn: Number(turn),
    at: Number(at),
    chain: chain === '-' ? '' : chain,
    first: Number(first),
  };
  return { mark, count: Number(count) };
};

/** Reads the mark without changing anything. */
export const readMark = (dir: string): MarkRead => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(dir, FILE_NAME));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { state: 'missing' };
    throw error;
  }
  const slots = [0, SLOT_BYTES]
    .map((offset) => parse(bytes.toString('latin1', offset, offset + LINE_BYTES)))
    .filter((slot) => slot !== undefined)
    .sort((one, other) => other.count - one.count);
  const newest = slots[0];
  if (newest === undefined) return { state: 'damaged' };
  return { state: slots.length === 2 ? 'sound' : 'half', mark: newest.mark };
};

/** Keeps the mark of an open log. */
export class HighWater {
  readonly #file: number;
  #mark: Mark;
  #count = 0;
  #isDirty = false;
  #isSyncing = false;

  /** Writes both slots anew, so that a damaged file is whole after every start. */
  constructor(dir: string, mark: Mark) {
    const path = join(dir, FILE_NAME);
    const bytes = Buffer.alloc(2 * SLOT_BYTES);
    bytes.write(format(mark, 0), 0, 'latin1');
    bytes.write(format(mark, 1), SLOT_BYTES, 'latin1');
    writeFileSync(`${path}.new`, bytes, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
    syncDir(dir);
    this.#file = openSync(path, 'r+');
    this.#mark = mark;
    this.#count = 1;
  }

  get mark(): Mark {
    return this.#mark;
  }

  /** Notes a durable position: one pwrite into the older slot, no sync. */
  note(mark: Mark): void {
    this.#count += 1;
    this.#mark = mark;
    writeSync(this.#file, format(mark, this.#count), (this.#count % 2) * SLOT_BYTES, 'latin1');
    this.#isDirty = true;
  }

  /** Syncs beside the commits, in the thread pool; called about once a second. */
  syncSoon(failed: (error: Error) => void): void {
    if (!this.#isDirty || this.#isSyncing) return;
    this.#isDirty = false;
    this.#isSyncing = true;
    fdatasync(this.#file, (error) => {
      this.#isSyncing = false;
      if (error !== null) failed(error);
    });
  }

  sync(): void {
    fdatasyncSync(this.#file);
    this.#isDirty = false;
  }

  close(): void {
    this.sync();
    closeSync(this.#file);
  }
}
