/**
 * Named points in time: a binary heap of (due, name), ties broken by name so that order never
 * depends on how things were inserted. Setting a name again moves it. Knows no clock: it is told
 * the time.
 */

interface Entry {
  readonly name: string;
  dueAt: number;
  index: number;
}

const before = (a: Entry, b: Entry): boolean =>
  a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.name < b.name);

/** A set of alarms. */
export class Alarms {
  readonly #heap: Entry[] = [];
  readonly #byName = new Map<string, Entry>();

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest due time, or Infinity. */
  nextDueAt(): number {
    return this.#heap[0]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  dueAt(name: string): number | undefined {
    return this.#byName.get(name)?.dueAt;
  }

  set(name: string, dueAt: number): void {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.dueAt = dueAt;
      this.#sink(this.#rise(known.index));
      return;
    }
    const entry = { name, dueAt, index: this.#heap.length };
    this.#heap.push(entry);
    this.#byName.set(name, entry);
    this.#rise(entry.index);
  }

  clear(name: string): void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return;
    this.#byName.delete(name);
    const last = this.#heap.pop() as Entry;
    if (last === entry) return;
    this.#put(last, entry.index);
    this.#sink(this.#rise(last.index));
  }

  /** Takes out and names everything due at `now`, in order. */
  ring(now: number, rang: (name: string) => void): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.dueAt > now) return;
      this.clear(first.name);
      rang(first.name);
    }
  }

  #put(entry: Entry, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #rise(start: number): number {
    let index = start;
    const entry = this.#heap[index] as Entry;
    while (index > 0) {
      const up = (index - 1) >> 1;
      const parent = this.#heap[up] as Entry;
      if (!before(entry, parent)) break;
      this.#put(parent, index);
      index = up;
    }
    this.#put(entry, index);
    return index;
  }

  #sink(start: number): void {
    let index = start;
    const entry = this.#heap[index] as Entry;
    for (;;) {
      let down = index * 2 + 1;
      const right = this.#heap[down + 1];
      if (right !== undefined && before(right, this.#heap[down] as Entry)) down += 1;
      const child = this.#heap[down];
      if (child === undefined || !before(child, entry)) break;
      this.#put(child, index);
      index = down;
    }
    this.#put(entry, index);
  }
}
