/**
 * How busy the thread of the mail is, told to another thread by one number in shared memory that is
 * renewed ten times a second. Knows nobody who reads it.
 */

const EVERY_MS = 100;
/** The number is in thousandths. */
const WHOLE = 1_000;

/** Measures the thread it was made on, from `start` to `stop`. */
export class LoadGauge {
  readonly memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #cell = new Int32Array(this.memory);
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    let last = performance.eventLoopUtilization();
    this.#timer ??= setInterval(() => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      Atomics.store(this.#cell, 0, Math.round(utilization * WHOLE));
      last = now;
    }, EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    Atomics.store(this.#cell, 0, 0);
  }
}

/** Reads the number: the part of the time that thread was at work lately, 0 to 1. */
export function loadReader(memory: SharedArrayBuffer): () => number {
  const cell = new Int32Array(memory);
  return () => Atomics.load(cell, 0) / WHOLE;
}

/** The time that the thread of the caller was at work so far, ms. */
export const ownActiveMs = (): number => performance.eventLoopUtilization().active;
