/**
 * Reads event rows straight out of the pages of a damaged segment, without SQLite.
 * The one idea: every row proves itself by its checksum, so each page that looks like a table leaf
 * may be tried cell by cell, whatever became of the header, the tree above it or its neighbours.
 * Deliberately unknown here: what is done with the rows; which of them were missing.
 * Page and record layout: the SQLite file format, sections 1.5, 1.6, 2.1 and 4.1.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import type { EventRow } from './log-chain.ts';
import { isWhole } from './log-chain.ts';
import { closePlain } from './log-locks.ts';
import { PAGE_BYTES } from './log-schema.ts';

const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const LEAF_TABLE_PAGE = 0x0d;
const LEAF_HEADER_BYTES = 8;
const COLUMNS = 9;
/** Above this a length is damage, not a record. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;
/** Largest payload part kept on a leaf, and the smallest where it spills (format section 1.6). */
const LOCAL_BYTES_MAX = PAGE_BYTES - 35;
const LOCAL_BYTES_MIN = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
const VARINT_BYTES_MAX = 9;

interface Varint {
  readonly value: number;
  readonly end: number;
}

const readVarint = (bytes: Buffer, start: number): Varint => {
  let value = 0;
  for (let index = 0; index < VARINT_BYTES_MAX - 1; index++) {
    const byte = bytes.readUInt8(start + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  // A ninth byte would make a value no position or length of ours can have.
  throw new RangeError('varint too long');
};

/** The pages of a database file and of its write-ahead log. */
class PageFile {
  readonly #path: string;
  readonly #db: number;
  readonly #wal: number | undefined;
  readonly pageCount: number;
  /** Offsets of the frames that belong to committed transactions, oldest first. */
  readonly frames: number[] = [];
  /** Page number → offset of its newest frame. */
  readonly #newest = new Map<number, number>();

  constructor(path: string) {
    this.#path = path;
    this.#db = openSync(path, 'r');
    this.pageCount = Math.ceil(fstatSync(this.#db).size / PAGE_BYTES);
    this.#wal = existsSync(`${path}-wal`) ? openSync(`${path}-wal`, 'r') : undefined;
    if (this.#wal !== undefined) this.#indexFrames(this.#wal);
  }

  /**
   * Frames count when they carry the salt of the log's first frame, up to the last that ends a
   * transaction. Their own checksums are not asked: a damaged frame ends SQLite's reading, and what
   * lies behind it is just what is looked for here.
   */
  #indexFrames(wal: number): void {
    const size = fstatSync(wal).size;
    const head = Buffer.alloc(FRAME_HEADER_BYTES);
    let salt: string | undefined;
    let pending: [page: number, offset: number][] = [];
    for (
      let offset = WAL_HEADER_BYTES;
      offset + FRAME_HEADER_BYTES + PAGE_BYTES <= size;
      offset += FRAME_HEADER_BYTES + PAGE_BYTES
    ) {
      if (!readInto(wal, head, offset)) continue;
      salt ??= head.toString('latin1', 8, 16);
      if (head.toString('latin1', 8, 16) !== salt) continue;
      pending.push([head.readUInt32BE(0), offset + FRAME_HEADER_BYTES]);
      if (head.readUInt32BE(4) === 0) continue;
      for (const [page, at] of pending) {
        this.frames.push(at);
        this.#newest.set(page, at);
      }
      pending = [];
    }
  }

  readPage(page: number, into: Buffer): boolean {
    const frame = this.#newest.get(page);
    if (frame !== undefined && this.#wal !== undefined) return readInto(this.#wal, into, frame);
    return this.readStored(page, into);
  }

  readStored(page: number, into: Buffer): boolean {
    return readInto(this.#db, into, (page - 1) * PAGE_BYTES);
  }

  readFrame(offset: number, into: Buffer): boolean {
    return this.#wal !== undefined && readInto(this.#wal, into, offset);
  }

  close(): void {
    closePlain(this.#path, this.#db);
    if (this.#wal !== undefined) closeSync(this.#wal);
  }
}

/** Reads a full buffer; false past the end or where the disk cannot read. */
const readInto = (file: number, into: Buffer, offset: number): boolean => {
  try {
    return readSync(file, into, 0, into.length, offset) === into.length;
  } catch {
    return false;
  }
};

/** Follows a payload over its overflow pages. */
const readPayload = (pages: PageFile, page: Buffer, start: number, bytes: number): Buffer => {
  if (bytes <= LOCAL_BYTES_MAX) return page.subarray(start, start + bytes);
  const rest = LOCAL_BYTES_MIN + ((bytes - LOCAL_BYTES_MIN) % (PAGE_BYTES - 4));
  const local = rest <= LOCAL_BYTES_MAX ? rest : LOCAL_BYTES_MIN;
  const payload = Buffer.alloc(bytes);
  page.copy(payload, 0, start, start + local);
  const spill = Buffer.alloc(PAGE_BYTES);
  let next = page.readUInt32BE(start + local);
  for (let filled = local; filled < bytes; filled += PAGE_BYTES - 4) {
    if (!pages.readPage(next, spill)) throw new RangeError('overflow page missing');
    spill.copy(payload, filled, 4, Math.min(PAGE_BYTES, 4 + bytes - filled));
    next = spill.readUInt32BE(0);
  }
  return payload;
};

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8] as const;

/** One column by its serial type (format section 2.1). */
const readColumn = (payload: Buffer, type: number, start: number): [unknown, number] => {
  if (type === 0) return [null, start];
  if (type === 8 || type === 9) return [type - 8, start];
  if (type <= 6) {
    const bytes = INTEGER_BYTES[type] ?? 0;
    if (bytes === 8) return [Number(payload.readBigInt64BE(start)), start + 8];
    return [payload.readIntBE(start, bytes), start + bytes];
  }
  if (type < 12) throw new RangeError('not a type we write');
  const end = start + Math.floor((type - 12) / 2);
  if (end > payload.length) throw new RangeError('column beyond its record');
  return [payload.toString(type % 2 === 0 ? 'hex' : 'utf8', start, end), end];
};

const readCell = (pages: PageFile, page: Buffer, start: number): EventRow => {
  const size = readVarint(page, start);
  if (size.value > PAYLOAD_BYTES_MAX) throw new RangeError('payload too long');
  const rowid = readVarint(page, size.end);
  const payload = readPayload(pages, page, rowid.end, size.value);
  const header = readVarint(payload, 0);
  const row: unknown[] = [];
  let typeAt = header.end;
  let at = header.value;
  while (typeAt < header.value && row.length < COLUMNS) {
    const type = readVarint(payload, typeAt);
    const [value, end] = readColumn(payload, type.value, at);
    row.push(value);
    typeAt = type.end;
    at = end;
  }
  // The position is the row's own number; its column is stored as NULL.
  row[0] = rowid.value;
  return row as unknown as EventRow;
};

function* readLeaf(pages: PageFile, page: Buffer): Generator<EventRow> {
  if (page[0] !== LEAF_TABLE_PAGE) return;
  const cells = Math.min(page.readUInt16BE(3), PAGE_BYTES / 4);
  for (let cell = 0; cell < cells; cell++) {
    const pointerAt = LEAF_HEADER_BYTES + 2 * cell;
    if (pointerAt + 2 > PAGE_BYTES) return;
    const row = tryCell(pages, page, page.readUInt16BE(pointerAt));
    if (row !== undefined) yield row;
  }
}

/** A cell that runs out of its page, or does not prove itself, is not a record. */
const tryCell = (pages: PageFile, page: Buffer, start: number): EventRow | undefined => {
  try {
    const row = readCell(pages, page, start);
    return row.length === COLUMNS && isWhole(row) ? row : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

/** Every whole row in a segment file and its write-ahead log; a row may come more than once. */
export function* scavengeRows(path: string): Generator<EventRow> {
  const pages = new PageFile(path);
  const page = Buffer.alloc(PAGE_BYTES);
  try {
    // Page 1 is the schema's and never holds events.
    for (let number = 2; number <= pages.pageCount; number++) {
      if (pages.readStored(number, page)) yield* readLeaf(pages, page);
    }
    for (const offset of pages.frames) {
      if (pages.readFrame(offset, page)) yield* readLeaf(pages, page);
    }
  } finally {
    pages.close();
  }
}
