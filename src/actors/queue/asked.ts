/**
 * When each queue was last configured: by which epoch of this process, and when it is to be asked
 * for again. Two numbers a queue, so that "is it current?" costs nothing where every message asks
 * it. Dies with the process: a new one asks for everything anew. Knows no policy.
 */

/** What is remembered, by slot of the queue. */
export class Asked {
  #epochs = new Uint32Array(1024);
  #nextAt = new Float64Array(1024);

  /** True when it was configured in `epoch` and need not be asked for again yet. */
  isCurrent(slot: number, epoch: number, at: number): boolean {
    return this.#epochs[slot] === epoch && at < (this.#nextAt[slot] as number);
  }

  /** True when it was asked for in `epoch`, with whatever success. */
  isOf(slot: number, epoch: number): boolean {
    return this.#epochs[slot] === epoch;
  }

  note(slot: number, epoch: number, nextAt: number): void {
    if (slot >= this.#epochs.length) this.#grow(slot);
    this.#epochs[slot] = epoch;
    this.#nextAt[slot] = nextAt;
  }

  #grow(slot: number): void {
    let size = this.#epochs.length;
    while (size <= slot) size *= 2;
    const epochs = new Uint32Array(size);
    epochs.set(this.#epochs);
    const nextAt = new Float64Array(size);
    nextAt.set(this.#nextAt);
    this.#epochs = epochs;
    this.#nextAt = nextAt;
  }
}
