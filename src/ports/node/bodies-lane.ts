/**
 * One lane of the body store: a segment that is being written, and at most one flush of it in
 * flight. A flush is one write and one sync of what it was given; only what has been flushed is
 * answered as kept. Lanes share nothing, so a slow or failing flush holds up no other.
 * Deliberately unknown here: what waits, which lane gets it, where segments come from.
 */

import type { BodyRef, Fault } from '../ports.ts';
import type { BodyItem } from './bodies-batch.ts';
import { dropBytes, layOutBatch } from './bodies-batch.ts';
import { faultOfWrite } from './bodies-disk.ts';
import type { SegmentFiles, WritableSegment } from './bodies-files.ts';
import type { SegmentTable } from './bodies-segments.ts';

/** What a lane works on, and who hears how its flushes ended. */
export interface LaneHost {
  readonly files: SegmentFiles;
  readonly table: SegmentTable;
  readonly segmentBytes: number;
  /** The lane is free again: all of the batch was kept, or none of it. */
  done(batch: readonly BodyItem[], outcome: readonly BodyRef[] | Fault): void;
  /** The lane is free again and nothing is known of the batch. */
  lost(batch: readonly BodyItem[], fault: Fault): void;
}

/** A segment being written, one flush at a time. */
export class BodyLane {
  readonly #host: LaneHost;
  #active: WritableSegment | undefined;
  #isBusy = false;

  constructor(host: LaneHost) {
    this.#host = host;
  }

  /** The segment being written; undefined when the lane has not begun one. */
  get active(): WritableSegment | undefined {
    return this.#active;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Bytes that still fit into the segment. */
  get room(): number {
    return this.#active === undefined ? 0 : this.#host.segmentBytes - this.#active.tail;
  }

  /** Seals the full segment and goes on in `next`. */
  enter(next: WritableSegment): void {
    const full = this.#active;
    this.#active = next;
    if (full !== undefined) this.#seal(full);
  }

  /** Lets go of the segment without sealing it: the store closes. */
  leave(): void {
    if (this.#active !== undefined) this.#host.files.close(this.#active.fd);
    this.#active = undefined;
  }

  /** Writes and flushes a batch that fits into the room there is. */
  flush(batch: readonly BodyItem[]): void {
    this.#isBusy = true;
    this.#flushTo(this.#active as WritableSegment, batch, false);
  }

  /** Writes and flushes a large body into a file of its own. */
  flushAlone(item: BodyItem): void {
    this.#isBusy = true;
    const { files, table } = this.#host;
    files.prepare(table, false).then(
      (own) => this.#flushTo(own, [item], true),
      (error: Error) => this.#refuse([item], error),
    );
  }

  #seal(full: WritableSegment): void {
    this.#host.files.close(full.fd);
    this.#host.table.seal(full.segment, full.tail);
  }

  #flushTo(target: WritableSegment, batch: readonly BodyItem[], isOwn: boolean): void {
    const place = {
      segment: target.segment.number,
      stamp: target.stamp,
      offset: target.tail,
    };
    const { buffers, bytes, refs } = layOutBatch(place, batch);
    const { table, files } = this.#host;
    const settle = (error: Error | null): void => {
      if (error !== null) {
        this.#lose(target, batch, isOwn, error);
        return;
      }
      target.tail += bytes;
      target.segment.bytes = Math.max(target.segment.bytes, target.tail);
      table.noteFull(false);
      for (const ref of refs) table.refer(ref.segment, 1, ref.length);
      if (isOwn) this.#seal(target);
      this.#done(batch, refs);
    };
    this.#writeAll(target.fd, buffers, target.tail, bytes, (error) => {
      if (error !== null) settle(error);
      else files.disk.fdatasync(target.fd, (failure) => settle(failure ?? null));
    });
  }

  #writeAll(
    fd: number,
    buffers: readonly Buffer[],
    position: number,
    bytes: number,
    done: (error: Error | null) => void,
  ): void {
    this.#host.files.disk.writev(fd, buffers, position, (error, written) => {
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
    const { files, table } = this.#host;
    const fault = faultOfWrite(error, files.where(target.segment.number));
    if (fault.code !== 'FAULT_DISK_FULL') {
      this.#lost(batch, { ...fault, code: 'FAULT_DISK_IO' });
      return;
    }
    files.disk.ftruncate(target.fd, target.tail, (failure) => {
      if (failure) {
        this.#lost(batch, { ...fault, code: 'FAULT_DISK_IO', cause: failure.message });
        return;
      }
      target.segment.bytes = target.tail;
      // A limit on the size of files is met again by this file, but not by the next.
      const isOutgrown = (error as NodeJS.ErrnoException).code === 'EFBIG';
      if (!isOutgrown) table.noteFull(true);
      if (isOwn || isOutgrown) this.#seal(target);
      if (isOutgrown && target === this.#active) this.#active = undefined;
      this.#done(batch, fault);
    });
  }

  /** No file could be made ready; nothing was written yet. */
  #refuse(batch: readonly BodyItem[], error: Error): void {
    const fault = faultOfWrite(error, this.#host.files.dirName);
    if (fault.code === 'FAULT_DISK_IO') this.#lost(batch, fault);
    else this.#done(batch, fault);
  }

  #done(batch: readonly BodyItem[], outcome: readonly BodyRef[] | Fault): void {
    this.#isBusy = false;
    this.#host.done(batch, outcome);
  }

  #lost(batch: readonly BodyItem[], fault: Fault): void {
    this.#isBusy = false;
    this.#host.lost(batch, fault);
  }
}
