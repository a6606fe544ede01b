/**
 * The segment files of one directory: listing them at start, making one ready for writing, removing
 * those no longer needed. A segment is handed out only when its name and its head are on the disk,
 * so the first answer that depends on it needs no more than its own flush.
 * Deliberately unknown here: records, references, when to flush.
 */

import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import type { Fault } from '../ports.ts';
import type { BodyDisk, FileFacts } from './bodies-disk.ts';
import {
  faultOfWrite,
  finished,
  makeFault,
  OPEN_CREATE,
  OPEN_DIRECTORY,
  OPEN_WRITE,
  settled,
} from './bodies-disk.ts';
import { encodeSegmentHead, SEGMENT_HEAD_BYTES, STAMP_BYTES } from './bodies-record.ts';
import type { Segment, SegmentTable } from './bodies-segments.ts';

/** What the files of segments are called. */
export const SEGMENT_NAME = /^(\d{12})\.bodies$/;

/** The file name of a segment. */
export const segmentName = (number: number): string => `${String(number).padStart(12, '0')}.bodies`;

/** A segment that can be written to. */
export interface WritableSegment {
  readonly segment: Segment;
  readonly fd: number;
  readonly stamp: Buffer;
  /** Where the next flush begins; everything before it is on the disk. */
  tail: number;
}

/** The files of one body store. */
export class SegmentFiles {
  readonly disk: BodyDisk;
  readonly dir: string;
  readonly #directoryFd: number;
  readonly #unwanted: number[] = [];
  /** The highest number that stands durably in the directory. */
  #highest = 0;

  private constructor(disk: BodyDisk, dir: string, directoryFd: number) {
    this.disk = disk;
    this.dir = dir;
    this.#directoryFd = directoryFd;
  }

  static async open(disk: BodyDisk, dir: string): Promise<SegmentFiles> {
    await finished((done) => disk.mkdir(dir, { recursive: true, mode: 0o700 }, done));
    const directoryFd = await settled<number>((done) => disk.open(dir, OPEN_DIRECTORY, 0, done));
    return new SegmentFiles(disk, dir, directoryFd);
  }

  path(number: number): string {
    return join(this.dir, segmentName(number));
  }

  /** How a segment is called in faults: relative to the data directory. */
  where(number: number): string {
    return `${this.dirName}/${segmentName(number)}`;
  }

  get dirName(): string {
    return basename(this.dir);
  }

  /** Enters what the directory holds; what is no plain file is a segment that is lost. */
  async list(table: SegmentTable): Promise<void> {
    const names = await settled<string[]>((done) => this.disk.readdir(this.dir, done));
    for (const name of names.sort()) {
      const number = Number(SEGMENT_NAME.exec(name)?.[1] ?? Number.NaN);
      if (!Number.isSafeInteger(number)) continue;
      const path = this.path(number);
      const facts = await settled<FileFacts>((done) => this.disk.lstat(path, done));
      if (facts.isFile()) table.enter(number, 'sealed', facts.size);
      else table.enter(number, 'lost', 0);
    }
  }

  /** Makes a segment ready: a spare under a new number, or a new file that grows as it fills. */
  async prepare(table: SegmentTable, mayRecycle: boolean): Promise<WritableSegment> {
    const spare = mayRecycle ? table.takeSpare() : undefined;
    const number = table.claimNumber();
    const path = this.path(number);
    if (spare !== undefined) {
      try {
        await finished((done) => this.disk.rename(this.path(spare.number), path, done));
      } catch (error) {
        table.enter(spare.number, 'spare', spare.bytes);
        throw error;
      }
    }
    const segment = table.enter(number, 'writing', spare?.bytes ?? 0);
    let fd: number | undefined;
    try {
      const flags = spare === undefined ? OPEN_CREATE : OPEN_WRITE;
      fd = await settled<number>((done) => this.disk.open(path, flags, 0o600, done));
      const stamp = await this.#begin(fd, number);
      segment.bytes = Math.max(segment.bytes, SEGMENT_HEAD_BYTES);
      this.#highest = Math.max(this.#highest, number);
      this.#removeUnwanted();
      return { segment, fd, stamp, tail: SEGMENT_HEAD_BYTES };
    } catch (error) {
      if (fd !== undefined) this.close(fd);
      this.#giveBack(table, segment, spare !== undefined);
      throw error;
    }
  }

  /** A segment could not be made ready: a spare stays one, a new file goes at once. */
  #giveBack(table: SegmentTable, segment: Segment, wasSpare: boolean): void {
    if (wasSpare) table.seal(segment, 0);
    else {
      table.drop(segment);
      this.disk.unlink(this.path(segment.number), () => undefined);
    }
  }

  async #begin(fd: number, number: number): Promise<Buffer> {
    const stamp = randomBytes(STAMP_BYTES);
    const head = encodeSegmentHead(number, stamp);
    const written = await settled<number>((done) => this.disk.writev(fd, [head], 0, done));
    // A short write is the system's way of running full between two pages.
    if (written !== head.length) {
      throw Object.assign(new Error('ENOSPC: short write'), { code: 'ENOSPC' });
    }
    await finished((done) => this.disk.fdatasync(fd, done));
    await finished((done) => this.disk.fsync(this.#directoryFd, done));
    return stamp;
  }

  /**
   * Removes a file soon. None goes before a higher number stands durably in the directory: the
   * highest name tells the next start which numbers were used.
   */
  discard(segment: Segment): void {
    this.#unwanted.push(segment.number);
    this.#removeUnwanted();
  }

  #removeUnwanted(): void {
    for (const number of this.#unwanted.splice(0)) {
      // A file that cannot be removed takes space, no more; the next start tries again.
      if (number < this.#highest) this.disk.unlink(this.path(number), () => undefined);
      else this.#unwanted.push(number);
    }
  }

  /** Tells whether the file being written still stands where the next start will look for it. */
  checkStanding(active: WritableSegment, told: (fault: Fault | undefined) => void): void {
    const { number } = active.segment;
    const where = this.where(number);
    this.disk.lstat(this.path(number), (error, facts) => {
      if (error !== null) told(faultOfStanding(error, where));
      else if (facts.isFile()) told(undefined);
      else told(makeFault('FAULT_DISK_IO', where, 'the segment was replaced', true));
    });
  }

  close(fd: number): void {
    // Everything that mattered was flushed; an error at closing has nothing to say about it.
    this.disk.close(fd, () => undefined);
  }

  closeDirectory(): void {
    this.close(this.#directoryFd);
  }
}

const faultOfStanding = (error: NodeJS.ErrnoException, where: string): Fault | undefined => {
  const fault = faultOfWrite(error, where);
  return fault.code === 'FAULT_OVERLOADED' ? undefined : fault;
};
