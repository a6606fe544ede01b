/**
 * Counts by label, such as a queue's name, for metrics: bounded, because labels come from outside.
 * Past the bound new labels share one. Deliberately unknown here: what is counted.
 */

const LABELS_MAX = 1_000;

/** Under which all those count for whom there was no room. */
export const OTHER_LABEL = 'other';

/** Counts that only grow. */
export class LabelCounts {
  readonly #counts = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(label: string): void {
    this.#total += 1;
    const known = this.#counts.get(label);
    const name = known === undefined && this.#counts.size >= LABELS_MAX ? OTHER_LABEL : label;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Labels and their counts. */
  entries(): IterableIterator<[string, number]> {
    return this.#counts.entries();
  }
}
