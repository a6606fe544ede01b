/**
 * How far the log is durable, for the other threads of the process: one number in shared memory,
 * raised by whoever commits, after the commit. The one idea: no message per turn; a reader that
 * sleeps is woken, one that is busy finds the number when it looks. Knows no record and no file.
 */

/** Shared memory with the last durable position. */
export const createMark = (): SharedArrayBuffer =>
  new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);

/** The writer's end of a mark. */
export class MarkRaiser {
  readonly #cells: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new BigInt64Array(memory);
  }

  /** Everything up to `position` is durable; wakes whoever sleeps. */
  raise(position: number): void {
    Atomics.store(this.#cells, 0, BigInt(position));
    Atomics.notify(this.#cells, 0);
  }
}

interface Waiter {
  readonly after: number;
  readonly task: () => void;
}

/** A reader's end of a mark. However many wait, they make one wait of it. */
export class MarkWatch {
  readonly #cells: BigInt64Array;
  readonly #waiting = new Set<Waiter>();
  #isArmed = false;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new BigInt64Array(memory);
  }

  upto(): number {
    return Number(Atomics.load(this.#cells, 0));
  }

  /** As in `CommittedLog`. */
  whenMore(after: number, task: () => void): () => void {
    const waiter = { after, task };
    this.#waiting.add(waiter);
    this.#arm();
    return () => this.#waiting.delete(waiter);
  }

  #arm(): void {
    if (this.#isArmed || this.#waiting.size === 0) return;
    this.#isArmed = true;
    const seen = this.upto();
    const hasDue = [...this.#waiting].some(({ after }) => after < seen);
    const { value } = Atomics.waitAsync(this.#cells, 0, BigInt(seen), hasDue ? 0 : undefined);
    // What is there already is told a moment later, never before `whenMore` returned.
    void Promise.resolve(value).then(() => this.#look());
  }

  #look(): void {
    this.#isArmed = false;
    const seen = this.upto();
    for (const waiter of [...this.#waiting]) {
      if (waiter.after < seen && this.#waiting.delete(waiter)) waiter.task();
    }
    this.#arm();
  }
}
