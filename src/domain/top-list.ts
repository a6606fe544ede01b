/**
 * The first few of very many, without sorting them: a heap of bounded size whose root is the one
 * that leaves next. An offer costs one comparison mostly, and the logarithm of the bound at most.
 * Deliberately unknown here: what is ranked.
 */

interface Entry<T> {
  readonly score: number;
  readonly name: string;
  readonly item: T;
}

// Equal scores by name, so that the same question has the same answer.
const isLess = (a: Entry<unknown>, b: Entry<unknown>): boolean =>
  a.score === b.score ? a.name > b.name : a.score < b.score;

/** Keeps the `max` items with the highest scores. */
export class TopList<T> {
  readonly #max: number;
  readonly #heap: Entry<T>[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  offer(score: number, name: string, item: T): void {
    if (this.#max === 0) return;
    const entry = { score, name, item };
    const heap = this.#heap;
    if (heap.length < this.#max) {
      heap.push(entry);
      this.#rise(heap.length - 1);
    } else if (isLess(heap[0] as Entry<T>, entry)) {
      heap[0] = entry;
      this.#sink(0);
    }
  }

  /** Highest first. */
  list(): T[] {
    return [...this.#heap].sort((a, b) => (isLess(a, b) ? 1 : -1)).map(({ item }) => item);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isLess(heap[at] as Entry<T>, heap[parent] as Entry<T>)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isLess(heap[child] as Entry<T>, heap[least] as Entry<T>)) {
          least = child;
        }
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as Entry<T>, heap[a] as Entry<T>];
  }
}
