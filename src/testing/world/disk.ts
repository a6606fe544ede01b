/**
 * The disk of a world, as far as it can be full: log and bodies share it. The one idea: it is
 * written down since when and until when nothing could be written, so that nobody is blamed for
 * what could not be put on record. Deliberately unknown here: commits that fail otherwise.
 */
import type { MemoryLog } from '../../events/memory-log.ts';
import type { MemoryBodies } from '../memory-bodies.ts';

/** A span of time; `until` is Infinity while it lasts. */
export interface Span {
  readonly from: number;
  until: number;
}

/** One disk. */
export class WorldDisk {
  /** When it was full. */
  readonly full: Span[] = [];
  readonly #bodies: MemoryBodies;

  constructor(bodies: MemoryBodies) {
    this.#bodies = bodies;
  }

  get isFull(): boolean {
    return this.full.at(-1)?.until === Number.POSITIVE_INFINITY;
  }

  fill(log: MemoryLog, at: number): void {
    log.fillDisk();
    this.#bodies.isFull = true;
    this.logFreed(at);
    this.full.push({ from: at, until: Number.POSITIVE_INFINITY });
  }

  free(log: MemoryLog, at: number): void {
    log.freeDisk();
    this.#bodies.isFull = false;
    this.logFreed(at);
  }

  /** A new process finds room for its log. */
  logFreed(at: number): void {
    const last = this.full.at(-1);
    if (last?.until === Number.POSITIVE_INFINITY) last.until = at;
  }
}
