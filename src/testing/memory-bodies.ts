/**
 * A body store in memory, for tests and the simulated world. It is stricter than a disk: segments
 * are tiny, so a body whose references were miscounted is gone soon, and it can run full, fail,
 * lose or damage a body, or lose power with everything that was not answered yet.
 * Deliberately unknown here: files, time, messages.
 */

import { invariant } from '../domain/invariant.ts';
import type {
  BodiesListener,
  BodiesScan,
  BodiesUsage,
  OpenedBodies,
  SparseSegment,
} from '../ports/body-store.ts';
import type { BodyRef, Fault, FaultCode } from '../ports/ports.ts';
import type { Kept, MemorySegment } from './memory-bodies-segment.ts';
import { checksum, total } from './memory-bodies-segment.ts';

interface Waiting {
  readonly header: string;
  readonly bytes: Buffer;
  readonly answered: (outcome: BodyRef | Fault) => void;
}

/** How a memory store is made. */
export interface MemoryBodiesOptions {
  readonly listener?: BodiesListener;
  /** Bodies in a segment before it is sealed. */
  readonly segmentBodies?: number;
  /** Bytes that may wait before new bodies are refused. */
  readonly pendingBytesMax?: number;
}

const SEGMENT_BODIES = 4;
const PENDING_BYTES_MAX = 64 * 1024 * 1024;

/** A body store in memory whose world can be made to misbehave. */
export interface MemoryBodies extends OpenedBodies {
  /** While true, writes are answered with FAULT_DISK_FULL. */
  isFull: boolean;
  /** The next flush is of unknown outcome: its writes are answered with FAULT_DISK_IO. */
  failNextFlush(): void;
  /** Makes a body missing. */
  lose(ref: BodyRef): void;
  /** Flips a bit of a body. */
  damage(ref: BodyRef): void;
  /**
   * The process dies, with the power: writes not answered yet are gone, in whole or (as `keeps`
   * says of each) kept without an answer; references are forgotten. The store is as one just
   * opened.
   */
  losePower(keeps?: () => boolean): void;
}

/** Makes a memory store; `soon` runs a task after what is happening now. */
export function createMemoryBodies(
  soon: (task: () => void) => void,
  options: MemoryBodiesOptions = {},
): MemoryBodies {
  return new BodiesInMemory(soon, options);
}

class BodiesInMemory implements MemoryBodies {
  isFull = false;
  readonly #soon: (task: () => void) => void;
  readonly #options: MemoryBodiesOptions;
  readonly #segments = new Map<number, MemorySegment>();
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #upcoming = 1;
  #active: MemorySegment | undefined;
  #isSettled = false;
  #isFlushFailing = false;
  #refusal: Fault | undefined;
  /** Raised when power is lost: tasks of an earlier life do nothing. */
  #life = 0;

  constructor(soon: (task: () => void) => void, options: MemoryBodiesOptions) {
    this.#soon = soon;
    this.#options = options;
  }

  write(
    header: string,
    chunks: readonly Buffer[],
    answered: (outcome: BodyRef | Fault) => void,
  ): void {
    const bytes = Buffer.concat(chunks);
    const max = this.#options.pendingBytesMax ?? PENDING_BYTES_MAX;
    const isOver = this.#pendingBytes > 0 && this.#pendingBytes + bytes.length > max;
    const refusal =
      this.#refusal ??
      (isOver ? fault('FAULT_OVERLOADED', 'too many bytes wait', true) : undefined);
    if (refusal !== undefined) {
      this.#later(() => answered(refusal));
      return;
    }
    this.#waiting.push({ header, bytes, answered });
    this.#pendingBytes += bytes.length;
    if (this.#waiting.length === 1) this.#later(() => this.#flush());
  }

  read(ref: BodyRef, answered: (outcome: Buffer | Fault) => void): void {
    const outcome = this.#find(ref);
    this.#later(() => answered('bytes' in outcome ? Buffer.from(outcome.bytes) : outcome));
  }

  refer(number: number, by: number, bodyBytes: number): void {
    const segment = this.#segments.get(number) ?? this.#enter(number, true);
    segment.references += by;
    segment.liveBytes += by * bodyBytes;
    invariant(segment.references >= 0, `segment ${number} was released too often`);
    this.#release(segment);
  }

  settle(): void {
    this.#isSettled = true;
    for (const segment of [...this.#segments.values()]) this.#release(segment);
  }

  sparse(): readonly SparseSegment[] {
    return [...this.#segments.values()]
      .filter(({ isSealed, references }) => isSealed && references > 0)
      .map(({ number, bodies, liveBytes, references }) => {
        const bytes = total([...bodies.values()]);
        return { segment: number, bytes, liveBytes, references };
      })
      .filter(({ bytes, liveBytes }) => liveBytes * 2 < bytes)
      .sort((left, right) => left.liveBytes / left.bytes - right.liveBytes / right.bytes);
  }

  move(ref: BodyRef, answered: (outcome: BodyRef | Fault) => void): void {
    const outcome = this.#find(ref);
    if ('bytes' in outcome) this.write(outcome.header, [outcome.bytes], answered);
    else this.#later(() => answered(outcome));
  }

  readHeader(ref: BodyRef, answered: (outcome: string | Fault) => void): void {
    const outcome = this.#find(ref);
    this.#later(() => answered('bytes' in outcome ? outcome.header : outcome));
  }

  scan(each: (header: string, ref: BodyRef) => void, done: (scan: BodiesScan) => void): void {
    const damage: Fault[] = [];
    let bodies = 0;
    for (const { ref, header, bytes } of this.#all()) {
      if (checksum(bytes) !== ref.sum) {
        damage.push(fault('FAULT_BODY_DAMAGED', whereOf(ref), false));
        continue;
      }
      bodies += 1;
      each(header, ref);
    }
    this.#later(() => done({ bodies, damaged: damage.length, damage }));
  }

  usage(): BodiesUsage {
    const segments = [...this.#segments.values()];
    return {
      bytes: total(this.#all()),
      liveBytes: segments.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
      segments: segments.length,
      spares: 0,
      pendingBytes: this.#pendingBytes,
    };
  }

  close(answered: () => void): void {
    this.#later(() => {
      if (this.#waiting.length > 0) this.#flush();
      this.#refusal = fault('FAULT_DISK_IO', 'the store is closed', true);
      answered();
    });
  }

  failNextFlush(): void {
    this.#isFlushFailing = true;
  }

  lose(ref: BodyRef): void {
    this.#segments.get(ref.segment)?.bodies.delete(ref.offset);
  }

  damage(ref: BodyRef): void {
    const kept = this.#segments.get(ref.segment)?.bodies.get(ref.offset);
    invariant(kept !== undefined && kept.bytes.length > 0, 'there is a byte to damage');
    const at = kept.bytes.length >> 1;
    kept.bytes[at] = (kept.bytes[at] as number) ^ 1;
  }

  losePower(keeps: () => boolean = () => false): void {
    this.#life += 1;
    this.#isSettled = false;
    for (const waiting of this.#waiting) if (keeps()) this.#keep(waiting);
    this.#waiting = [];
    this.#pendingBytes = 0;
    this.#active = undefined;
    this.#isFlushFailing = false;
    this.#refusal = undefined;
    for (const segment of [...this.#segments.values()]) {
      segment.isSealed = true;
      segment.references = 0;
      segment.liveBytes = 0;
      if (segment.bodies.size === 0) this.#segments.delete(segment.number);
    }
  }

  #later(task: () => void): void {
    const life = this.#life;
    this.#soon(() => {
      if (life === this.#life) task();
    });
  }

  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#pendingBytes = 0;
    if (this.#isFlushFailing) {
      this.#isFlushFailing = false;
      const failure = fault('FAULT_DISK_IO', 'the flush failed', true);
      this.#refusal = failure;
      this.#options.listener?.failed(failure);
      for (const { answered } of batch) answered(failure);
      return;
    }
    const isFull = this.isFull;
    const outcomes = batch.map((waiting) => {
      if (isFull) return fault('FAULT_DISK_FULL', 'no space is left', true);
      const ref = this.#keep(waiting);
      this.refer(ref.segment, 1, ref.length);
      return ref;
    });
    batch.forEach(({ answered }, index) => {
      answered(outcomes[index] as BodyRef | Fault);
    });
  }

  #keep({ header, bytes }: Waiting): BodyRef {
    const most = this.#options.segmentBodies ?? SEGMENT_BODIES;
    if (this.#active !== undefined && this.#active.bodies.size >= most) {
      const full = this.#active;
      this.#active = undefined;
      full.isSealed = true;
      this.#release(full);
    }
    this.#active ??= this.#enter(this.#upcoming, false);
    const { number, bodies } = this.#active;
    const last = [...bodies.values()].at(-1)?.ref;
    const offset = last === undefined ? 0 : last.offset + last.length + 1;
    const ref = { segment: number, offset, length: bytes.length, sum: checksum(bytes) };
    bodies.set(offset, { ref, header, bytes });
    return ref;
  }

  #enter(number: number, isSealed: boolean): MemorySegment {
    const segment = { number, bodies: new Map(), isSealed, references: 0, liveBytes: 0 };
    this.#segments.set(number, segment);
    this.#upcoming = Math.max(this.#upcoming, number + 1);
    return segment;
  }

  #release(segment: MemorySegment): void {
    if (!this.#isSettled || !segment.isSealed || segment.references > 0) return;
    this.#segments.delete(segment.number);
  }

  #find(ref: BodyRef): Kept | Fault {
    const kept = this.#segments.get(ref.segment)?.bodies.get(ref.offset);
    if (kept === undefined) return fault('FAULT_BODY_MISSING', whereOf(ref), false);
    const isIt = kept.ref.sum === ref.sum && kept.ref.length === ref.length;
    if (!isIt || checksum(kept.bytes) !== ref.sum) {
      return fault('FAULT_BODY_DAMAGED', whereOf(ref), false);
    }
    return kept;
  }

  #all(): Kept[] {
    return [...this.#segments.values()].flatMap(({ bodies }) => [...bodies.values()]);
  }
}

const fault = (code: FaultCode, cause: string, retryable: boolean): Fault => ({
  code,
  where: 'bodies',
  cause,
  retryable,
});

const whereOf = (ref: BodyRef): string => `bodies/${ref.segment}+${ref.offset}`;
