/**
 * Rates as buckets: the generic cell rate algorithm. A bucket is one number, the time up to which
 * its rate is used up; what passes pushes it on by one interval. Pure arithmetic over that number.
 * Deliberately unknown here: what is limited, who waits, and where buckets are kept.
 */
import type { ThrottleSpec } from './throttle-spec.ts';
import { formatThrottle } from './throttle-spec.ts';

/** A rate with the name under which it is counted. */
export interface NamedRate {
  readonly name: string;
  readonly spec: ThrottleSpec;
}

/** The key of a rate's bucket: a changed spec has another one, and starts afresh. */
export const rateKey = ({ name, spec }: NamedRate): string => `${name} ${formatThrottle(spec)}`;

/** The span one token stands for, ms; not always whole. */
export const intervalMs = (spec: ThrottleSpec): number => spec.periodMs / spec.limit;

// As many as the burst pass at once, then one an interval: the reference's own text says so.
const burstOf = (spec: ThrottleSpec): number => Math.max(1, spec.maxBurst);

/** Rounding must not cost a token that is there but for so much, ms. */
const NEARLY_MS = 1e-5;

/** How many tokens a bucket that is used up to `usedUntil` has at `now`. */
export function tokensIn(usedUntil: number, spec: ThrottleSpec, now: number): number {
  const aheadMs = Math.max(usedUntil, now) - now - NEARLY_MS;
  return Math.max(0, Math.floor(burstOf(spec) - aheadMs / intervalMs(spec)));
}

/** How long until a bucket has a token, whole milliseconds; 0 when it has one. */
export function tokenWaitMs(usedUntil: number, spec: ThrottleSpec, now: number): number {
  if (tokensIn(usedUntil, spec, now) > 0) return 0;
  // Whole milliseconds upwards, or rounding would have each come a little before its time.
  const readyAt = usedUntil - (burstOf(spec) - 1) * intervalMs(spec);
  return Math.max(1, Math.ceil(readyAt - now - NEARLY_MS));
}

/**
 * How far ahead the use of a bucket is reserved on record, ms: about one second's worth or a
 * sixteenth of the burst, but nothing for a rate so slow that each of its tokens may be recorded.
 */
export function reserveMs(spec: ThrottleSpec): number {
  const aheadMs = Math.max(1_000, (burstOf(spec) * intervalMs(spec)) / 16);
  return Math.max(0, aheadMs - intervalMs(spec));
}

/** From the slowest to the fastest: the order in which rates are asked. */
export const slowestFirst = (rates: readonly NamedRate[]): readonly NamedRate[] =>
  [...rates].sort((a, b) => intervalMs(b.spec) - intervalMs(a.spec));
