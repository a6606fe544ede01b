/**
 * Counts of values by size, for metrics: bounds are given once, and an observation is a few
 * comparisons and two additions in typed arrays. Unit and meaning are those of whoever observes.
 * Deliberately unknown here: names, labels, and how a histogram is shown.
 */

/** Upper bounds for spans of an operation, seconds; the usual ones of Prometheus. */
export const LATENCY_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** How many values lay at or below each bound. */
export class Histogram {
  /** Upper bounds, ascending; what is above the last counts beyond it. */
  readonly bounds: readonly number[];
  /** Values by the first bound they do not exceed; the last place is for those beyond all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** How many values there were. */
  get count(): number {
    let count = 0;
    for (const some of this.counts) count += some;
    return count;
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at += 1;
    counts[at] = (counts[at] as number) + 1;
    this.sum += value;
  }
}

/** All of them as one; their bounds are the same. */
export function joinHistograms(all: readonly Histogram[]): Histogram {
  const joined = new Histogram(all[0]?.bounds);
  for (const { counts, sum } of all) {
    for (const [at, some] of counts.entries())
      joined.counts[at] = (joined.counts[at] as number) + some;
    joined.sum += sum;
  }
  return joined;
}
