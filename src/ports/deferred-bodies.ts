/**
 * Bodies that nobody has to write yet: a store around a store, which keeps in memory what may be
 * deferred, as long as there is room, and hands everything else through. The idea: one that is
 * kept so has a place like any other; `move` writes it, the rest is counting references, and what
 * is still in memory when the process ends is gone. Deliberately unknown here: messages, time.
 */
import {
  DEFERRED_SEGMENTS_FROM,
  DEFERRED_SEGMENTS_UPTO,
  isDeferredSegment,
} from '../domain/deferred-place.ts';
import { invariant } from '../domain/invariant.ts';
import type { BodiesScan, BodiesUsage, OpenedBodies, SparseSegment } from './body-store.ts';
import type { BodyRef, DeferredUsage, Fault } from './ports.ts';

/** What a body in memory takes beside its bytes and its header, about. */
export const DEFERRED_OVERHEAD_BYTES = 512;

/** What the store around a store is made of. */
export interface DeferringParts {
  /** Past so many bytes in memory bodies are written as usual. */
  readonly bytesMax: number;
  /** CRC-32 of bytes in pieces. */
  readonly sumOf: (chunks: readonly Buffer[]) => number;
  /** Runs a task after what is happening now. */
  readonly soon: (task: () => void) => void;
}

/** A store that may keep bodies in memory. */
export interface DeferringBodies extends OpenedBodies {
  deferred(): DeferredUsage;
}

type Moved = (outcome: BodyRef | Fault) => void;

interface Kept {
  readonly ref: BodyRef;
  readonly header: string;
  readonly chunks: readonly Buffer[];
  references: number;
  /** Where it was written to, with a reference of its own as long as this is kept. */
  written: BodyRef | undefined;
  /** Those who wait for it to be written. */
  movers: Moved[];
}

/** Puts memory around a store. */
export const deferBodies = (store: OpenedBodies, parts: DeferringParts): DeferringBodies =>
  new Deferring(store, parts);

class Deferring implements DeferringBodies {
  readonly #store: OpenedBodies;
  readonly #parts: DeferringParts;
  readonly #kept = new Map<number, Kept>();
  #bytes = 0;
  #upcoming = DEFERRED_SEGMENTS_FROM;
  #isClosed = false;

  constructor(store: OpenedBodies, parts: DeferringParts) {
    this.#store = store;
    this.#parts = parts;
  }

  write(header: string, chunks: readonly Buffer[], answered: Moved, mayDefer = false): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const bytes = takes(length, header);
    if (!mayDefer || this.#isClosed || this.#bytes + bytes > this.#parts.bytesMax) {
      this.#store.write(header, chunks, answered);
      return;
    }
    const { sumOf, soon } = this.#parts;
    const ref = { segment: this.#claim(), offset: 0, length, sum: sumOf(chunks) };
    this.#bytes += bytes;
    const kept = { ref, header, chunks, references: 1, written: undefined, movers: [] };
    this.#kept.set(ref.segment, kept);
    soon(() => answered(ref));
  }

  read(ref: BodyRef, answered: (outcome: Buffer | Fault) => void): void {
    if (!isDeferredSegment(ref.segment)) return this.#store.read(ref, answered);
    const kept = this.#kept.get(ref.segment);
    const { soon } = this.#parts;
    soon(() => answered(kept === undefined ? missing(ref) : Buffer.concat(kept.chunks)));
  }

  refer(segment: number, by: number, bodyBytes: number): void {
    if (!isDeferredSegment(segment)) return this.#store.refer(segment, by, bodyBytes);
    const kept = this.#kept.get(segment);
    invariant(kept !== undefined, `body ${segment} is not in memory`);
    kept.references += by;
    invariant(kept.references >= 0, `body ${segment} was released too often`);
    if (kept.references > 0) return;
    this.#kept.delete(segment);
    this.#bytes -= takes(kept.ref.length, kept.header);
    if (kept.written !== undefined) this.#giveBack(kept.written);
  }

  /** Writes a body out of memory once, however many of those who share it ask. */
  move(ref: BodyRef, answered: Moved): void {
    if (!isDeferredSegment(ref.segment)) return this.#store.move(ref, answered);
    const kept = this.#kept.get(ref.segment);
    const { soon } = this.#parts;
    if (kept === undefined) return soon(() => answered(missing(ref)));
    const { written } = kept;
    if (written !== undefined) {
      this.#store.refer(written.segment, 1, written.length);
      return soon(() => answered(written));
    }
    kept.movers.push(answered);
    if (kept.movers.length > 1) return;
    this.#store.write(kept.header, kept.chunks, (outcome) => this.#written(kept, outcome));
  }

  readHeader(ref: BodyRef, answered: (outcome: string | Fault) => void): void {
    if (!isDeferredSegment(ref.segment)) return this.#store.readHeader(ref, answered);
    const kept = this.#kept.get(ref.segment);
    this.#parts.soon(() => answered(kept === undefined ? missing(ref) : kept.header));
  }

  settle(): void {
    this.#store.settle();
  }

  sparse(): readonly SparseSegment[] {
    return this.#store.sparse();
  }

  scan(each: (header: string, ref: BodyRef) => void, done: (scan: BodiesScan) => void): void {
    this.#store.scan(each, done);
  }

  usage(): BodiesUsage {
    return this.#store.usage();
  }

  deferred(): DeferredUsage {
    return { bodies: this.#kept.size, bytes: this.#bytes };
  }

  close(answered: () => void): void {
    this.#isClosed = true;
    this.#store.close(answered);
  }

  #written(kept: Kept, outcome: BodyRef | Fault): void {
    const movers = kept.movers;
    kept.movers = [];
    if ('code' in outcome) {
      for (const answered of movers) answered(outcome);
      return;
    }
    // Each of them owns one, and so does what is kept, until nobody names it any more.
    this.#store.refer(outcome.segment, movers.length, outcome.length);
    if (kept.references > 0) kept.written = outcome;
    else this.#giveBack(outcome);
    for (const answered of movers) answered(outcome);
  }

  #giveBack({ segment, length }: BodyRef): void {
    this.#store.refer(segment, -1, length);
  }

  #claim(): number {
    const number = this.#upcoming;
    this.#upcoming = number + 1 < DEFERRED_SEGMENTS_UPTO ? number + 1 : DEFERRED_SEGMENTS_FROM;
    // Two thousand million bodies ago; whoever is kept so long keeps its number.
    return this.#kept.has(number) ? this.#claim() : number;
  }
}

const takes = (length: number, header: string): number =>
  length + header.length + DEFERRED_OVERHEAD_BYTES;

const missing = ({ segment }: BodyRef): Fault => ({
  code: 'FAULT_BODY_MISSING',
  where: `memory/${segment}`,
  cause: 'it was kept in memory only',
  retryable: false,
});
