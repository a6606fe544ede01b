/**
 * The walk over all records of a segment, for mending a damaged log from the bodies. It steps from
 * record to record; where one is damaged it searches on for the segment's stamp, and what follows
 * the last record (nothing, or an earlier life of the file) ends the segment.
 * Deliberately unknown here: which bodies are alive, what the header text means.
 */

import { crc32 } from 'node:zlib';
import type { BodyRef } from '../ports.ts';
import type { BodyDisk } from './bodies-disk.ts';
import { OPEN_READ, settled } from './bodies-disk.ts';
import type { RecordHead } from './bodies-record.ts';
import {
  decodeRecordHead,
  decodeSegmentHead,
  PAGE_BYTES,
  paddedBytes,
  RECORD_HEAD_BYTES,
  recordBytes,
  SEGMENT_HEAD_BYTES,
  STAMP_AT,
} from './bodies-record.ts';

const WINDOW_BYTES = 1024 * 1024;
const SEARCH_BYTES = 64 * 1024;
const BLANK_PAGE = Buffer.alloc(PAGE_BYTES);

/** Who hears what a scan meets. */
export interface ScanListener {
  found(header: string, ref: BodyRef): void;
  damaged(offset: number, why: string): void;
}

/** Which file to scan, and how far. */
export interface ScanTarget {
  readonly path: string;
  readonly segment: number;
  readonly bytes: number;
}

/** Walks one segment; answers why its file could not be opened. */
export async function scanSegment(
  disk: BodyDisk,
  target: ScanTarget,
  listener: ScanListener,
): Promise<Error | undefined> {
  let fd: number;
  try {
    fd = await settled<number>((done) => disk.open(target.path, OPEN_READ, 0, done));
  } catch (error) {
    return error as Error;
  }
  const window = new Window(disk, fd, target.bytes);
  const stamp = await findStamp(window, target.segment, listener);
  if (stamp !== undefined) await new Walk(window, target.segment, stamp, listener).run();
  disk.close(fd, () => undefined);
  return undefined;
}

/** The stamp from the segment's head or, that being damaged, from its first record. */
async function findStamp(
  window: Window,
  segment: number,
  listener: ScanListener,
): Promise<Buffer | undefined> {
  const page = await window.at(0, SEGMENT_HEAD_BYTES);
  const head = page && decodeSegmentHead(page);
  // The file was about to be used again when the process ended; nothing referred to it any more.
  if (head !== undefined) return head.segment === segment ? head.stamp : undefined;
  const isEmpty = page === undefined ? window.bytes === 0 : isBlank(page);
  const start = await window.at(SEGMENT_HEAD_BYTES, RECORD_HEAD_BYTES);
  const record = start && decodeRecordHead(start);
  const isOurs = record?.segment === segment;
  if (isOurs || !isEmpty) listener.damaged(0, 'the head of the segment is damaged');
  return isOurs ? record.stamp : undefined;
}

/** Bytes of a file, read in large pieces; what cannot be read is undefined. */
class Window {
  readonly bytes: number;
  readonly #disk: BodyDisk;
  readonly #fd: number;
  #piece: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(disk: BodyDisk, fd: number, bytes: number) {
    this.#disk = disk;
    this.#fd = fd;
    this.bytes = bytes;
  }

  async at(offset: number, length: number): Promise<Buffer | undefined> {
    if (offset + length > this.bytes) return undefined;
    const isInside = offset >= this.#start && offset + length <= this.#start + this.#piece.length;
    if (!isInside && !(await this.#load(offset, Math.max(length, WINDOW_BYTES)))) {
      // One bad block must not hide the readable ones beside it.
      if (!(await this.#load(offset, length))) return undefined;
    }
    const from = offset - this.#start;
    const piece = this.#piece.subarray(from, from + length);
    return piece.length === length ? piece : undefined;
  }

  async #load(offset: number, length: number): Promise<boolean> {
    const into = Buffer.allocUnsafeSlow(Math.min(length, this.bytes - offset));
    let filled = 0;
    try {
      while (filled < into.length) {
        const [at, rest, position] = [filled, into.length - filled, offset + filled];
        const count = await settled<number>((done) =>
          this.#disk.read(this.#fd, into, at, rest, position, done),
        );
        if (count === 0) break;
        filled += count;
      }
    } catch {
      return false;
    }
    this.#piece = into.subarray(0, filled);
    this.#start = offset;
    return true;
  }
}

class Walk {
  readonly #window: Window;
  readonly #segment: number;
  readonly #stamp: Buffer;
  readonly #listener: ScanListener;

  constructor(window: Window, segment: number, stamp: Buffer, listener: ScanListener) {
    this.#window = window;
    this.#segment = segment;
    this.#stamp = stamp;
    this.#listener = listener;
  }

  async run(): Promise<void> {
    let offset = SEGMENT_HEAD_BYTES;
    while (offset + RECORD_HEAD_BYTES <= this.#window.bytes) {
      const head = await this.#headAt(offset);
      if (head !== undefined) {
        await this.#tell(head);
        offset += recordBytes(head.bodyBytes, head.headerBytes);
        continue;
      }
      const padded = paddedBytes(offset);
      if (padded > offset && (await this.#isBlank(offset, padded))) {
        offset = padded;
        continue;
      }
      const next = await this.#search(offset);
      if (next !== undefined || (await this.#looksOurs(offset))) {
        this.#listener.damaged(offset, 'a record is torn or damaged');
      }
      if (next === undefined) return;
      offset = next;
    }
  }

  async #headAt(offset: number): Promise<RecordHead | undefined> {
    const bytes = await this.#window.at(offset, RECORD_HEAD_BYTES);
    const head = bytes && decodeRecordHead(bytes);
    const isOurs =
      head !== undefined &&
      head.segment === this.#segment &&
      head.offset === offset &&
      head.stamp.equals(this.#stamp);
    return isOurs ? head : undefined;
  }

  async #tell(head: RecordHead): Promise<void> {
    const { segment, offset, bodyBytes: length, bodySum: sum } = head;
    const bytes = await this.#window.at(offset, recordBytes(length, head.headerBytes));
    const body = bytes?.subarray(RECORD_HEAD_BYTES, RECORD_HEAD_BYTES + length);
    const text = bytes?.subarray(RECORD_HEAD_BYTES + length);
    if (body === undefined || crc32(body) !== sum) {
      this.#listener.damaged(offset, 'the body is torn or damaged');
    } else if (text === undefined || crc32(text) !== head.headerSum) {
      this.#listener.damaged(offset, 'the header text is torn or damaged');
    } else this.#listener.found(text.toString(), { segment, offset, length, sum });
  }

  async #isBlank(from: number, upto: number): Promise<boolean> {
    const bytes = await this.#window.at(from, upto - from);
    return bytes !== undefined && isBlank(bytes);
  }

  async #looksOurs(offset: number): Promise<boolean> {
    const at = offset + STAMP_AT;
    return (await this.#window.at(at, this.#stamp.length))?.equals(this.#stamp) ?? false;
  }

  /** The offset of the next whole head with our stamp after `offset`. */
  async #search(offset: number): Promise<number | undefined> {
    const { bytes } = this.#window;
    let from = offset + 1;
    while (from < bytes) {
      const piece = await this.#window.at(from, Math.min(SEARCH_BYTES, bytes - from));
      const found = piece?.indexOf(this.#stamp) ?? -1;
      if (found >= 0) {
        const candidate = from + found - STAMP_AT;
        if (candidate > offset && (await this.#headAt(candidate)) !== undefined) return candidate;
        from += found + 1;
      } else from += Math.max(1, Math.min(SEARCH_BYTES, bytes - from) - this.#stamp.length + 1);
    }
    return undefined;
  }
}

/** Whether at most a page of bytes holds nothing. */
const isBlank = (bytes: Buffer): boolean => BLANK_PAGE.subarray(0, bytes.length).equals(bytes);
