/**
 * The writing side of the body store: gathers what arrives and gives it to lanes, which write and
 * flush side by side. What arrives while every lane is busy goes into the next flush, so flushes
 * grow with the load and their cost is shared; a lane more is begun only when the others are busy.
 * A body that would fill a good part of a segment gets a file of its own.
 * Deliberately unknown here: reading, recycling, who refers to what.
 */

import type { BodyRef, Fault } from '../ports.ts';
import type { BodyAnswered, BodyItem } from './bodies-batch.ts';
import { makeBodyItem } from './bodies-batch.ts';
import { faultOfWrite, makeFault } from './bodies-disk.ts';
import type { SegmentFiles, WritableSegment } from './bodies-files.ts';
import { BodyLane } from './bodies-lane.ts';
import type { SegmentTable } from './bodies-segments.ts';

/** What one flush takes at most, unless a single body is larger. */
export const FLUSH_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Segments that are written and flushed side by side, at most. Where one stream to the disk is slow
 * (20 ms a megabyte), two keep 1.2 times as many bodies of 100 KB as one, three 1.4 times; but two
 * leave half of the thread pool to reads.
 */
export const BODY_LANES = 2;
/** A record above this part of a segment (a quarter) gets a file of its own. */
const OWN_FILE_PART = 4;

/** What the writer works on. */
export interface WriterOptions {
  readonly files: SegmentFiles;
  readonly table: SegmentTable;
  readonly segmentBytes: number;
  readonly pendingBytesMax: number;
  /** How many lanes there may be. */
  readonly lanes: number;
  readonly failed: (fault: Fault) => void;
}

/** Gathers, gives to lanes, answers. */
export class BodyWriter {
  readonly #options: WriterOptions;
  readonly #lanes: readonly BodyLane[];
  readonly #pending: BodyItem[] = [];
  #pendingBytes = 0;
  #isScheduled = false;
  /** The lane that is being given a fresh segment; one at a time. */
  #rolling: BodyLane | undefined;
  #refusal: Fault | undefined;
  #next: Promise<WritableSegment | undefined> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    const { files, table, segmentBytes } = options;
    const host = {
      files,
      table,
      segmentBytes,
      done: (batch: readonly BodyItem[], outcome: readonly BodyRef[] | Fault) => {
        this.#answer(batch, this.#refusal ?? outcome);
        this.#schedule();
      },
      lost: (batch: readonly BodyItem[], fault: Fault) => {
        this.#stop(fault);
        this.#answer(batch, this.#refusal ?? fault);
        this.#schedule();
      },
    };
    this.#lanes = Array.from({ length: options.lanes }, () => new BodyLane(host));
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The segments being written. */
  get active(): WritableSegment[] {
    return this.#lanes.flatMap(({ active }) => active ?? []);
  }

  submit(header: string, chunks: readonly Buffer[], answered: BodyAnswered): void {
    const item = makeBodyItem(header, chunks, answered);
    const isFull =
      this.#pendingBytes > 0 && this.#pendingBytes + item.bytes > this.#options.pendingBytesMax;
    const { dirName } = this.#options.files;
    const refusal = this.#refusal ?? (isFull ? overloaded(dirName) : undefined);
    if (refusal !== undefined) {
      process.nextTick(answered, refusal);
      return;
    }
    this.#pending.push(item);
    this.#pendingBytes += item.bytes;
    this.#schedule();
  }

  /** Refuses everything from now on, what waits included; what is in flight once it is back. */
  fail(fault: Fault): void {
    this.#stop(fault);
    this.#schedule();
  }

  #stop(fault: Fault): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = fault;
    this.#options.failed(fault);
  }

  /** Flushes what waits, then calls back; what comes after is refused. */
  close(refusal: Fault, closed: () => void): void {
    this.#whenIdle = () => {
      this.#refusal ??= refusal;
      for (const lane of this.#lanes) lane.leave();
      void Promise.resolve(this.#next).then((next) => {
        if (next !== undefined) this.#options.files.close(next.fd);
        closed();
      });
    };
    this.#schedule();
  }

  /** Makes the next segment ready before it is needed. */
  warm(): void {
    const { files, table } = this.#options;
    this.#next ??= files.prepare(table, true).catch((error: Error) => {
      // A lack of space is met again, and answered for, when the segment is needed.
      const fault = faultOfWrite(error, files.dirName);
      if (fault.code === 'FAULT_DISK_IO') this.fail(fault);
      return undefined;
    });
  }

  /** Waits for the end of this turn of the event loop, so that all it brings shares one flush. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#refusal !== undefined) this.#answer(this.#pending.splice(0), this.#refusal);
    while (this.#pending.length > 0) if (!this.#giveOne()) return;
    if (this.#rolling !== undefined || this.#lanes.some(({ isBusy }) => isBusy)) return;
    this.#whenIdle?.();
    this.#whenIdle = undefined;
  }

  /** Gives a lane as much of what waits as it takes; false when that has to wait. */
  #giveOne(): boolean {
    const head = this.#pending[0] as BodyItem;
    const free = this.#lanes.filter((lane) => !lane.isBusy && lane !== this.#rolling);
    const [first] = free;
    if (first === undefined) return false;
    const fitting = free.find(({ room }) => head.bytes <= room);
    if (this.#wantsOwnFile(head)) {
      this.#pending.shift();
      first.flushAlone(head);
    } else if (fitting !== undefined) {
      fitting.flush(this.#take(Math.min(fitting.room, FLUSH_BYTES_MAX)));
    } else {
      if (this.#rolling === undefined) void this.#roll(first);
      return false;
    }
    return true;
  }

  /** Lets a lane go on in a fresh segment, which was made ready beforehand. */
  async #roll(lane: BodyLane): Promise<void> {
    const { files, table } = this.#options;
    this.#rolling = lane;
    let error: Error | undefined;
    try {
      const ready = await this.#next;
      this.#next = undefined;
      lane.enter(ready ?? (await files.prepare(table, true)));
      this.warm();
    } catch (caught) {
      error = caught as Error;
    }
    this.#rolling = undefined;
    if (error === undefined || this.#lack(error)) this.#pump();
  }

  /** No segment could be made ready; false: what waits can wait for a lane that has room. */
  #lack(error: Error): boolean {
    const fault = faultOfWrite(error, this.#options.files.dirName);
    const [head] = this.#pending;
    if (fault.code === 'FAULT_DISK_IO') this.#stop(fault);
    else if (head !== undefined) {
      const roomy = this.#lanes.filter(({ room }) => head.bytes <= room);
      if (roomy.length > 0) return roomy.some(({ isBusy }) => !isBusy);
      this.#answer(this.#pending.splice(0), fault);
    }
    return true;
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

  #answer(batch: readonly BodyItem[], outcome: readonly BodyRef[] | Fault): void {
    for (const item of batch) this.#pendingBytes -= item.bytes;
    batch.forEach((item, index) => {
      item.answered('code' in outcome ? outcome : (outcome[index] as BodyRef));
    });
  }
}

const overloaded = (where: string): Fault =>
  makeFault('FAULT_OVERLOADED', where, 'too many bytes wait for the disk', true);
