/**
 * The reading side of the body store: one read fetches head and bytes of a body, and the sums prove
 * them. Segments stay open for a while, a bounded number of them, and a segment is pinned while a
 * read is under way, so that its file is not used again underneath.
 * Deliberately unknown here: writing, who refers to what.
 */

import { crc32 } from 'node:zlib';
import type { BodyRef, Fault } from '../ports.ts';
import { faultOfRead, makeFault, OPEN_READ } from './bodies-disk.ts';
import type { SegmentFiles } from './bodies-files.ts';
import type { RecordHead } from './bodies-record.ts';
import { decodeRecordHead, RECORD_HEAD_BYTES, recordBytes } from './bodies-record.ts';
import type { Segment, SegmentTable } from './bodies-segments.ts';

/** How many segments stay open for reading. */
export const READERS_MAX = 32;

type Opened = (error: Error | null, fd: number) => void;

interface Descriptor {
  fd: number | undefined;
  uses: number;
  readonly waiting: Opened[];
}

/** A record read whole. */
export interface WholeRecord {
  readonly header: string;
  readonly body: Buffer;
}

/** Reads bodies and proves them. */
export class BodyReader {
  readonly #files: SegmentFiles;
  readonly #table: SegmentTable;
  /** By segment number, the least recently used first. */
  readonly #descriptors = new Map<number, Descriptor>();
  #isClosed = false;

  constructor(files: SegmentFiles, table: SegmentTable) {
    this.#files = files;
    this.#table = table;
  }

  read(ref: BodyRef, answered: (outcome: Buffer | Fault) => void): void {
    this.#withSegment(ref, answered, (fd, done) => {
      this.#readProven(fd, ref, (outcome) => {
        done('code' in outcome ? outcome : outcome.body);
      });
    });
  }

  /** Reads the header text as well; for moving a body. */
  readWhole(ref: BodyRef, answered: (outcome: WholeRecord | Fault) => void): void {
    this.#withSegment(ref, answered, (fd, done) => {
      this.#readProven(fd, ref, (outcome) => {
        if ('code' in outcome) done(outcome);
        else this.#readHeader(fd, ref, outcome.head, outcome.body, done);
      });
    });
  }

  /** The segment's file is gone or will be used again. */
  forget(number: number): void {
    const descriptor = this.#descriptors.get(number);
    if (descriptor === undefined) return;
    this.#descriptors.delete(number);
    if (descriptor.uses === 0) this.#closeOne(descriptor);
  }

  close(): void {
    this.#isClosed = true;
    for (const number of [...this.#descriptors.keys()]) this.forget(number);
  }

  #withSegment<T>(
    ref: BodyRef,
    answered: (outcome: T | Fault) => void,
    use: (fd: number, done: (outcome: T | Fault) => void) => void,
  ): void {
    const segment = this.#table.find(ref.segment);
    const fault = this.#objection(ref, segment);
    if (fault !== undefined || segment === undefined) {
      process.nextTick(answered, fault);
      return;
    }
    this.#table.pin(segment);
    const descriptor = this.#descriptorOf(ref.segment);
    descriptor.uses += 1;
    const done = (outcome: T | Fault): void => {
      descriptor.uses -= 1;
      if (descriptor.uses === 0 && this.#descriptors.get(ref.segment) !== descriptor) {
        this.#closeOne(descriptor);
      }
      this.#table.unpin(segment);
      answered(outcome);
    };
    this.#whenOpen(ref.segment, descriptor, (error, fd) => {
      if (error === null) use(fd, done);
      else done(faultOfRead(error, this.#files.where(ref.segment)));
    });
  }

  /** What can be said against a reference without touching the disk. */
  #objection(ref: BodyRef, segment: Segment | undefined): Fault | undefined {
    const where = this.#files.where(ref.segment);
    if (this.#isClosed) return makeFault('FAULT_DISK_IO', where, 'the store is closed', true);
    if (segment === undefined || segment.state === 'lost' || segment.state === 'spare') {
      return makeFault('FAULT_BODY_MISSING', where, 'there is no such segment', false);
    }
    if (ref.offset + recordBytes(ref.length, 0) > segment.bytes) {
      return damaged(where, ref, 'the segment ends before it');
    }
    return undefined;
  }

  #descriptorOf(number: number): Descriptor {
    const known = this.#descriptors.get(number);
    if (known !== undefined) {
      this.#descriptors.delete(number);
      this.#descriptors.set(number, known);
      return known;
    }
    const fresh: Descriptor = { fd: undefined, uses: 0, waiting: [] };
    this.#descriptors.set(number, fresh);
    if (this.#descriptors.size > READERS_MAX) this.#evict();
    return fresh;
  }

  #evict(): void {
    for (const [number, { uses, fd }] of this.#descriptors) {
      if (uses > 0 || fd === undefined) continue;
      this.forget(number);
      return;
    }
  }

  #whenOpen(number: number, descriptor: Descriptor, opened: Opened): void {
    if (descriptor.fd !== undefined) {
      opened(null, descriptor.fd);
      return;
    }
    descriptor.waiting.push(opened);
    if (descriptor.waiting.length > 1) return;
    this.#files.disk.open(this.#files.path(number), OPEN_READ, 0, (error, fd) => {
      if (error === null) descriptor.fd = fd;
      // A failed opening is not remembered: the next read tries again.
      else if (this.#descriptors.get(number) === descriptor) this.#descriptors.delete(number);
      for (const waiter of descriptor.waiting.splice(0)) waiter(error, fd);
    });
  }

  #closeOne(descriptor: Descriptor): void {
    if (descriptor.fd !== undefined) this.#files.close(descriptor.fd);
    descriptor.fd = undefined;
  }

  #readProven(
    fd: number,
    ref: BodyRef,
    done: (outcome: { head: RecordHead; body: Buffer } | Fault) => void,
  ): void {
    const where = this.#files.where(ref.segment);
    this.#readExactly(fd, RECORD_HEAD_BYTES + ref.length, ref.offset, (error, bytes) => {
      if (error !== null) {
        done(faultOfRead(error, where));
        return;
      }
      const head = bytes === undefined ? undefined : decodeRecordHead(bytes);
      const body = bytes?.subarray(RECORD_HEAD_BYTES);
      if (head === undefined || body === undefined) done(damaged(where, ref, 'no record there'));
      else if (!isHeadOf(ref, head)) done(damaged(where, ref, 'another record is there'));
      else if (crc32(body) !== ref.sum) done(damaged(where, ref, 'the sum differs'));
      else done({ head, body });
    });
  }

  #readHeader(
    fd: number,
    ref: BodyRef,
    head: RecordHead,
    body: Buffer,
    done: (outcome: WholeRecord | Fault) => void,
  ): void {
    const where = this.#files.where(ref.segment);
    const at = ref.offset + recordBytes(ref.length, 0);
    this.#readExactly(fd, head.headerBytes, at, (error, text) => {
      if (error !== null) done(faultOfRead(error, where));
      else if (text === undefined || crc32(text) !== head.headerSum) {
        done(damaged(where, ref, 'the header text is damaged'));
      } else done({ header: text.toString(), body });
    });
  }

  /** Reads so many bytes; undefined when the file ends before. */
  #readExactly(
    fd: number,
    length: number,
    position: number,
    done: (error: Error | null, bytes: Buffer | undefined) => void,
  ): void {
    const into = Buffer.allocUnsafeSlow(length);
    const step = (at: number): void => {
      if (at === length) {
        done(null, into);
        return;
      }
      this.#files.disk.read(fd, into, at, length - at, position + at, (error, bytes) => {
        if (error) done(error, undefined);
        else if (bytes === 0) done(null, undefined);
        else step(at + bytes);
      });
    };
    step(0);
  }
}

const isHeadOf = (ref: BodyRef, head: RecordHead): boolean =>
  head.segment === ref.segment &&
  head.offset === ref.offset &&
  head.bodyBytes === ref.length &&
  head.bodySum === ref.sum;

const damaged = (where: string, ref: BodyRef, why: string): Fault =>
  makeFault('FAULT_BODY_DAMAGED', `${where}+${ref.offset}`, why, false);
