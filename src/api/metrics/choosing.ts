/**
 * Which part of all metrics is shown: names by pattern, and of each family with many series only
 * the greatest, with one series for the rest. Keeps no more series than are asked for.
 * Deliberately unknown here: how any of it is written.
 */
import type { Read, Series } from './families.ts';

/** What stands in all labels of the series for the rest. */
export const OTHER = 'other';

/** Makes the test for names: any of the patterns fits; without patterns all do. */
export function nameFilter(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns
    .filter((pattern) => pattern.includes('*'))
    .map((pattern) => pattern.split('*'));
  return (name) => exact.has(name) || globs.some((parts) => fits(name, parts));
}

/** Whether the parts come in their order, the first at the beginning and the last at the end. */
function fits(name: string, parts: readonly string[]): boolean {
  const first = parts[0] as string;
  const last = parts[parts.length - 1] as string;
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return name.length - last.length >= from && name.endsWith(last);
}

/** The greatest `count` series, greatest first, then one for the others, if there are any. */
export function* greatest(
  all: Read<Series>,
  count: number,
  restAs: 'sum' | 'greatest' = 'sum',
): Read<Series> {
  const heap = new LeastFirst(count);
  let rest: { labels: string[]; value: number } | undefined;
  for (const series of all) {
    // Also where nothing is shown, there is a place to rest.
    yield series?.isTotal ? series : undefined;
    if (series === undefined || series.isTotal) continue;
    // What is a rest already joins this one, or two series would have the same labels.
    const isRest = series.labels.every((label) => label === OTHER);
    const over = isRest ? series : heap.add(series);
    if (over === undefined) continue;
    rest ??= { labels: over.labels.map(() => OTHER), value: 0 };
    rest.value = restAs === 'sum' ? rest.value + over.value : Math.max(rest.value, over.value);
  }
  yield* heap.drain();
  if (rest !== undefined) yield rest;
}

/** A bounded heap with the least on top. */
class LeastFirst {
  readonly #series: Series[] = [];
  readonly #sizeMax: number;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** Adds a series; answers what there is no room for. */
  add(series: Series): Series | undefined {
    const heap = this.#series;
    if (heap.length < this.#sizeMax) {
      heap.push(series);
      this.#rise(heap.length - 1);
      return undefined;
    }
    const least = heap[0];
    if (least === undefined || series.value <= least.value) return series;
    heap[0] = series;
    this.#sink();
    return least;
  }

  drain(): Series[] {
    return this.#series.sort((a, b) => b.value - a.value);
  }

  #valueAt(at: number): number {
    return this.#series[at]?.value ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const heap = this.#series;
    [heap[a], heap[b]] = [heap[b] as Series, heap[a] as Series];
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#valueAt(parent) <= this.#valueAt(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = this.#valueAt(left + 1) < this.#valueAt(left) ? left + 1 : left;
      if (this.#valueAt(at) <= this.#valueAt(child)) return;
      this.#swap(at, child);
      at = child;
    }
  }
}
