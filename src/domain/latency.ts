/**
 * Counts spans into buckets of about 1.5 % width, so that quantiles of millions of messages cost a
 * fixed 8 kB. Spans below one unit (a microsecond unless told otherwise) share the first bucket,
 * those of 2^31 units and more the last. Does not know what was timed.
 */

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
const OCTAVES = 32;
const MICROSECOND_MS = 0.001;

/** A histogram of spans in milliseconds. */
export class LatencyTally {
  private readonly buckets = new Uint32Array(OCTAVES * SUB);
  private readonly unitMs: number;
  private counted = 0;
  private longestMs = 0;

  constructor(unitMs = MICROSECOND_MS) {
    this.unitMs = unitMs;
  }

  /** Counts one span, as often as is said. */
  add(spanMs: number, times = 1): void {
    if (times === 0) return;
    if (spanMs > this.longestMs) this.longestMs = spanMs;
    this.counted += times;
    const units = Math.min(Math.max(Math.round(spanMs / this.unitMs), 0), 0x7fffffff);
    const index = bucketOf(units);
    this.buckets[index] = (this.buckets[index] ?? 0) + times;
  }

  /** The span below which the share `q` of all lies; 0 when nothing was counted. */
  quantileMs(q: number): number {
    let left = Math.ceil(this.counted * q);
    if (left <= 0) return 0;
    for (let index = 0; index < this.buckets.length; index += 1) {
      left -= this.buckets[index] as number;
      if (left <= 0) return Math.min(upperUnits(index) * this.unitMs, this.longestMs);
    }
    return this.longestMs;
  }

  get maxMs(): number {
    return this.longestMs;
  }

  get count(): number {
    return this.counted;
  }
}

/** Up to 2 x SUB each unit has its bucket; above, each octave is cut into SUB parts. */
const bucketOf = (units: number): number => {
  if (units < 2 * SUB) return units;
  const octave = 31 - Math.clz32(units) - SUB_BITS;
  return octave * SUB + (units >>> octave);
};

const upperUnits = (index: number): number => {
  if (index < 2 * SUB) return index;
  const octave = Math.floor(index / SUB) - 1;
  return (index - octave * SUB + 1) * 2 ** octave - 1;
};
