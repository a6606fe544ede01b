/**
 * How many rows of each scheduled queue are in a ready queue or in the hands of a connection, for
 * metrics: two columns of numbers, by row and by queue. A row counts where it was when it was
 * placed. Deliberately unknown here: ready queues, and what a row means.
 */
const NOWHERE = -1;

/** Rows that are placed, counted by the slot of their queue. */
export class PlacedRows {
  #queueOf = new Int32Array(1024).fill(NOWHERE);
  #counts = new Int32Array(256);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** How many rows of the queue in this slot are placed. */
  of(queue: number): number {
    return this.#counts[queue] ?? 0;
  }

  enter(slot: number, queue: number): void {
    if (slot >= this.#queueOf.length) this.#queueOf = widen(this.#queueOf, slot, NOWHERE);
    if (queue >= this.#counts.length) this.#counts = widen(this.#counts, queue, 0);
    this.#queueOf[slot] = queue;
    this.#counts[queue] = (this.#counts[queue] as number) + 1;
    this.#total += 1;
  }

  leave(slot: number): void {
    const queue = this.#queueOf[slot] ?? NOWHERE;
    if (queue === NOWHERE) return;
    this.#queueOf[slot] = NOWHERE;
    this.#counts[queue] = (this.#counts[queue] as number) - 1;
    this.#total -= 1;
  }
}

function widen(column: Int32Array, index: number, fill: number): Int32Array<ArrayBuffer> {
  let size = column.length;
  while (size <= index) size *= 2;
  const wider = new Int32Array(size).fill(fill);
  wider.set(column);
  return wider;
}
