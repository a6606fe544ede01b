/**
 * Counts spans into buckets of about 1.5 % width, so that quantiles of millions of messages cost a
 * fixed 8 kB. Spans below one microsecond share the first bucket. Does not know what was timed.
 */

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
const OCTAVES = 32;

/** A histogram of spans in milliseconds. */
export class LatencyTally {
  private readonly buckets = new Uint32Array(OCTAVES * SUB);
  private counted = 0;
  private longestMs = 0;

  /** Counts one span. */
  add(spanMs: number): void {
    if (spanMs > this.longestMs) this.longestMs = spanMs;
    this.counted += 1;
    const micros = Math.min(Math.max(Math.round(spanMs * 1000), 0), 0x7fffffff);
    const index = bucketOf(micros);
    this.buckets[index] = (this.buckets[index] ?? 0) + 1;
  }

  /** The span below which the share `q` of all lies; 0 when nothing was counted. */
  quantileMs(q: number): number {
    let left = Math.ceil(this.counted * q);
    if (left <= 0) return 0;
    for (let index = 0; index < this.buckets.length; index += 1) {
      left -= this.buckets[index] as number;
      if (left <= 0) return Math.min(upperMicros(index) / 1000, this.longestMs);
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

/** Up to 2 x SUB each microsecond has its bucket; above, each octave is cut into SUB parts. */
const bucketOf = (micros: number): number => {
  if (micros < 2 * SUB) return micros;
  const octave = 31 - Math.clz32(micros) - SUB_BITS;
  return octave * SUB + (micros >>> octave);
};

const upperMicros = (index: number): number => {
  if (index < 2 * SUB) return index;
  const octave = Math.floor(index / SUB) - 1;
  return (index - octave * SUB + 1) * 2 ** octave - 1;
};
