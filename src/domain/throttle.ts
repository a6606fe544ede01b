/**
 * Rates as buckets: the generic cell rate algorithm. A bucket is one number, the time up to which
 * its rate is used up; what passes pushes it on by one interval. Kept in memory and by name: a
 * changed rate has another name and starts afresh. Deliberately unknown here: what is limited, and
 * any other process.
 */
import type { ThrottleSpec } from './throttle-spec.ts';
import { formatThrottle } from './throttle-spec.ts';

/** A rate with the name under which it is counted. */
export interface NamedRate {
  readonly name: string;
  readonly spec: ThrottleSpec;
}

/** Buckets after which those that are full again are forgotten. */
const BUCKETS_MAX = 10_000;
/** Those who wait for one rate are spread over this, so that they do not all come back at once. */
const SPREAD_MS_MAX = 60_000;

interface Bucket {
  /** Used up to this time. */
  usedUntil: number;
  /** The time promised to whoever was turned away last. */
  promisedAt: number;
}

/** The rates of one process. */
export class Throttles {
  readonly #buckets = new Map<string, Bucket>();

  get size(): number {
    return this.#buckets.size;
  }

  /** Passes all of `rates` or none: 0, or how long to wait before trying again, ms. */
  pass(rates: readonly NamedRate[], now: number): number {
    const found = rates.map((rate) => this.#find(rate));
    let waitMs = 0;
    rates.forEach(({ spec }, at) => {
      waitMs = Math.max(waitMs, turnAway(found[at] as Bucket, spec, now));
    });
    if (waitMs > 0) return waitMs;
    rates.forEach(({ spec }, at) => {
      const bucket = found[at] as Bucket;
      bucket.usedUntil = Math.max(bucket.usedUntil, now) + spec.periodMs / spec.limit;
    });
    if (this.#buckets.size > BUCKETS_MAX) this.#forget(now);
    return 0;
  }

  #find({ name, spec }: NamedRate): Bucket {
    const key = `${name} ${formatThrottle(spec)}`;
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = { usedUntil: 0, promisedAt: 0 };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #forget(now: number): void {
    for (const [key, { usedUntil }] of this.#buckets) {
      if (usedUntil <= now) this.#buckets.delete(key);
    }
  }
}

/** 0 when one more passes now; else the time until it would, later for each that is waiting. */
function turnAway(bucket: Bucket, spec: ThrottleSpec, now: number): number {
  const intervalMs = spec.periodMs / spec.limit;
  // As many as the burst pass at once, then one an interval: the reference's own text says so.
  const toleranceMs = intervalMs * Math.max(1, spec.maxBurst);
  const waitMs = Math.max(bucket.usedUntil, now) + intervalMs - toleranceMs - now;
  if (waitMs <= 0) return 0;
  // Those who wait get one interval after the other, round and round within the spread: one place
  // for each that may pass, and no place where nobody comes.
  const ownAt = now + Math.ceil(waitMs);
  // Whole milliseconds, or rounding would have each come a little before its time.
  const next = Math.max(ownAt, Math.ceil(bucket.promisedAt + intervalMs));
  bucket.promisedAt = next > ownAt + SPREAD_MS_MAX ? ownAt : next;
  return bucket.promisedAt - now;
}
