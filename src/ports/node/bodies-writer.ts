/**
 * The writing side of the body store: gathers what arrives, writes it in one call, flushes once,
 * then answers. At most one flush is in flight; what arrives meanwhile goes into the next, so the
 * flushes grow with the load and their cost is shared. A body that would fill a good part of a
 * segment gets a file of its own.
 * Deliberately unknown here: reading, recycling, who refers to what.
 */

import type { BodyRef, Fault } from '../ports.ts';
import type { BodyAnswered, BodyItem } from './bodies-batch.ts';
import { dropBytes, layOutBatch, makeBodyItem } from './bodies-batch.ts';
import { faultOfWrite, makeFault } from './bodies-disk.ts';
import type { SegmentFiles, WritableSegment } from './bodies-files.ts';
import type { SegmentTable } from './bodies-segments.ts';

/** What one flush takes at most, unless a single body is larger. */
export const FLUSH_BYTES_MAX = 16 * 1024 * 1024;
/** A record above this part of a segment (a quarter) gets a file of its own. */
const OWN_FILE_PART = 4;

/** What the writer works on. */
export interface WriterOptions {
  readonly files: SegmentFiles;
  readonly table: SegmentTable;
  readonly segmentBytes: number;
  readonly pendingBytesMax: number;
  readonly failed: (fault: Fault) => void;
}

/** Gathers, writes, flushes, answers. */
export class BodyWriter {
  readonly #files: SegmentFiles;
  readonly #table: SegmentTable;
  readonly #options: WriterOptions;
  readonly #pending: BodyItem[] = [];
  #pendingBytes = 0;
  #isBusy = false;
  #isScheduled = false;
  #refusal: Fault | undefined;
  #active: WritableSegment | undefined;
  #next: Promise<WritableSegment | undefined> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#table = options.table;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get active(): WritableSegment | undefined {
    return this.#active;
  }

  submit(header: string, chunks: readonly Buffer[], answered: BodyAnswered): void {
    const item = makeBodyItem(header, chunks, answered);
    const isFull =
      this.#pendingBytes > 0 && this.#pendingBytes + item.bytes > this.#options.pendingBytesMax;
    const refusal = this.#refusal ?? (isFull ? overloaded(this.#files.dirName) : undefined);
    if (refusal !== undefined) {
      process.nextTick(answered, refusal);
      return;
    }
    this.#pending.push(item);
    this.#pendingBytes += item.bytes;
    this.#schedule();
  }

  /** Refuses everything from now on, what waits included. */
  fail(fault: Fault): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = fault;
    this.#options.failed(fault);
    if (!this.#isBusy) this.#answer(this.#pending.splice(0), fault);
  }

  /** Flushes what waits, then calls back; what comes after is refused. */
  close(refusal: Fault, closed: () => void): void {
    this.#whenIdle = () => {
      this.#refusal ??= refusal;
      if (this.#active !== undefined) this.#files.close(this.#active.fd);
      this.#active = undefined;
      void Promise.resolve(this.#next).then((next) => {
        if (next !== undefined) this.#files.close(next.fd);
        closed();
      });
    };
    this.#schedule();
  }

  /** Makes the next segment ready before it is needed. */
  warm(): void {
    this.#next ??= this.#files.prepare(this.#table, true).catch((error: Error) => {
      // A lack of space is met again, and answered for, when the segment is needed.
      const fault = faultOfWrite(error, this.#files.dirName);
      if (fault.code === 'FAULT_DISK_IO') this.fail(fault);
      return undefined;
    });
  }

  /** Waits for the end of this turn of the event loop, so that all it brings shares one flush. */
  #schedule(): void {
    if (this.#isScheduled || this.#isBusy) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    this.#isBusy = false;
    if (this.#refusal !== undefined) this.#answer(this.#pending.splice(0), this.#refusal);
    const [head] = this.#pending;
    if (head === undefined) {
      this.#whenIdle?.();
      this.#whenIdle = undefined;
      return;
    }
    this.#isBusy = true;
    const room = this.#active === undefined ? 0 : this.#roomIn(this.#active);
    if (this.#wantsOwnFile(head)) {
      const alone = this.#pending.splice(0, 1);
      this.#files.prepare(this.#table, false).then(
        (own) => this.#flush(own, alone, true),
        (error: Error) => this.#refuse(alone, error),
      );
    } else if (this.#active !== undefined && head.bytes <= room) {
      this.#flush(this.#active, this.#take(Math.min(room, FLUSH_BYTES_MAX)), false);
    } else {
      this.#roll().then(
        () => this.#pump(),
        (error: Error) => this.#refuse(this.#pending.splice(0), error),
      );
    }
  }

  #roomIn(active: WritableSegment): number {
    return this.#options.segmentBytes - active.tail;
  }

  #wantsOwnFile(item: BodyItem): boolean {
    return item.bytes > this.#options.segmentBytes / OWN_FILE_PART;
  }

  /** Takes from the front what fits into `room`, one item at least. */
  #take(room: number): BodyItem[] {
    let count = 0;
    let bytes = 0;
    for (const item of this.#pending) {
      bytes += item.bytes;
      if (count > 0 && (bytes > room || this.#wantsOwnFile(item))) break;
      count += 1;
    }
    return this.#pending.splice(0, count);
  }

  /** Seals the full segment and goes on in the next, which was made ready beforehand. */
  async #roll(): Promise<void> {
    const ready = await this.#next;
    this.#next = undefined;
    const next = ready ?? (await this.#files.prepare(this.#table, true));
    const full = this.#active;
    this.#active = next;
    if (full !== undefined) this.#seal(full);
    this.warm();
  }

  #seal(full: WritableSegment): void {
    this.#files.close(full.fd);
    this.#table.seal(full.segment, full.tail);
  }

  #flush(target: WritableSegment, batch: readonly BodyItem[], isOwn: boolean): void {
    const place = {
      segment: target.segment.number,
      stamp: target.stamp,
      offset: target.tail,
    };
    const { buffers, bytes, refs } = layOutBatch(place, batch);
    const { disk } = this.#files;
    const settle = (error: Error | null): void => {
      if (error !== null) {
        this.#lose(target, batch, isOwn, error);
        return;
      }
      target.tail += bytes;
      target.segment.bytes = Math.max(target.segment.bytes, target.tail);
      for (const ref of refs) this.#table.refer(ref.segment, 1, ref.length);
      if (isOwn) this.#seal(target);
      this.#done(batch, refs);
    };
    this.#writeAll(target.fd, buffers, target.tail, bytes, (error) => {
      if (error !== null) settle(error);
      else disk.fdatasync(target.fd, (failure) => settle(failure ?? null));
    });
  }

  #writeAll(
    fd: number,
    buffers: readonly Buffer[],
    position: number,
    bytes: number,
    done: (error: Error | null) => void,
  ): void {
    this.#files.disk.writev(fd, buffers, position, (error, written) => {
      if (error) done(error);
      else if (written === bytes) done(null);
      else if (written <= 0) done(new Error('EIO: the system wrote nothing'));
      // After a short write the system tells at the next one why.
      else
        this.#writeAll(fd, dropBytes(buffers, written), position + written, bytes - written, done);
    });
  }

  /** A flush failed: without space nothing was kept; after anything else nothing is known. */
  #lose(target: WritableSegment, batch: readonly BodyItem[], isOwn: boolean, error: Error): void {
    const fault = faultOfWrite(error, this.#files.where(target.segment.number));
    if (fault.code !== 'FAULT_DISK_FULL') {
      this.#failWith({ ...fault, code: 'FAULT_DISK_IO' }, batch);
      return;
    }
    this.#files.disk.ftruncate(target.fd, target.tail, (failure) => {
      if (failure) {
        this.#failWith({ ...fault, code: 'FAULT_DISK_IO', cause: failure.message }, batch);
        return;
      }
      target.segment.bytes = target.tail;
      // A limit on the size of files is met again by this file, but not by the next.
      const isOutgrown = (error as NodeJS.ErrnoException).code === 'EFBIG';
      if (isOwn || isOutgrown) this.#seal(target);
      if (isOutgrown && target === this.#active) this.#active = undefined;
      this.#done(batch, fault);
    });
  }

  #failWith(fault: Fault, batch: readonly BodyItem[]): void {
    this.fail(fault);
    this.#done([...batch, ...this.#pending.splice(0)], fault);
  }

  /** No segment could be made ready; nothing was written yet. */
  #refuse(batch: readonly BodyItem[], error: Error): void {
    const fault = faultOfWrite(error, this.#files.dirName);
    if (fault.code === 'FAULT_DISK_IO') this.#failWith(fault, batch);
    else this.#done(batch, fault);
  }

  #done(batch: readonly BodyItem[], outcome: readonly BodyRef[] | Fault): void {
    this.#isBusy = false;
    this.#answer(batch, this.#refusal ?? outcome);
    this.#schedule();
  }

  #answer(batch: readonly BodyItem[], outcome: readonly BodyRef[] | Fault): void {
    for (const item of batch) this.#pendingBytes -= item.bytes;
    batch.forEach((item, index) => {
      item.answered('code' in outcome ? outcome : (outcome[index] as BodyRef));
    });
  }
}

const overloaded = (where: string): Fault =>
  makeFault('FAULT_OVERLOADED', where, 'too many bytes wait for the disk', true);
