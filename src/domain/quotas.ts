/**
 * Rates and limits counted in this process: the first implementation of the quotas port. A rate is
 * a bucket by key, a limit the set of its leases by name; what is granted is granted at once.
 * Buckets outlive the process by way of a memory that is told ahead what they may use.
 * Deliberately unknown here: who asks and who waits; timers.
 */
import type { Lease, Leased, NamedLimit, Quotas, RateMemory, Taken } from '../ports/quotas.ts';
import { Footing } from './footing.ts';
import type { NamedRate } from './throttle.ts';
import { intervalMs, rateKey, reserveMs, tokensIn, tokenWaitMs } from './throttle.ts';

/** Buckets after which those that are full again are forgotten. */
const BUCKETS_MAX = 10_000;
const NOTHING_MS = 1e-6;

interface Bucket {
  readonly key: string;
  /** Used up to this time. */
  usedUntil: number;
  /** On record as used up to this time. */
  reservedUntil: number;
  /** Taken, but yet to happen, ms: it does not drain, and is not part of `usedUntil`. */
  heldMs: number;
  readonly footing: Footing;
}

/** Until when a bucket is used up if what is held happens now: it cannot happen sooner. */
const usedBy = ({ usedUntil, heldMs }: Bucket, at: number): number =>
  heldMs === 0 ? usedUntil : Math.max(usedUntil, at) + heldMs;

/** Counts in this process, by the given clock. */
export function createQuotas(parts: { readonly now: () => number }): Quotas {
  return new LocalQuotas(parts.now);
}

class LocalQuotas implements Quotas {
  /** Times are counted from here: so far from 1970 they would lose fractions of a millisecond. */
  readonly #origin: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #bucketsMax = BUCKETS_MAX;
  /** By limit: the leases on it, and when each lapses. */
  readonly #leases = new Map<string, Map<string, number>>();
  #memory: RateMemory | undefined;
  #nextId = 1;

  constructor(now: () => number) {
    this.#origin = now();
    this.#now = () => now() - this.#origin;
  }

  remember(memory: RateMemory): void {
    this.#memory = memory;
  }

  isShared(): boolean {
    return false;
  }

  take(rates: readonly NamedRate[], count: number, answered: (taken: Taken) => void): void {
    const at = this.#now();
    const buckets = rates.map((rate) => this.#find(rate));
    let granted = count;
    rates.forEach(({ spec }, index) => {
      granted = Math.min(granted, tokensIn(usedBy(buckets[index] as Bucket, at), spec, at));
    });
    let waitMs = 0;
    let binding = '';
    rates.forEach(({ name, spec }, index) => {
      const bucket = buckets[index] as Bucket;
      if (granted > 0) this.#use(bucket, rates[index] as NamedRate, granted, at);
      const ownMs = tokenWaitMs(usedBy(bucket, at), spec, at);
      if (ownMs > waitMs) [waitMs, binding] = [ownMs, name];
    });
    if (this.#buckets.size > this.#bucketsMax) this.#forget(at);
    if (granted === count) answered({ granted, waitMs: 0, at });
    else answered({ granted, waitMs, binding, at });
  }

  #use(bucket: Bucket, { spec }: NamedRate, count: number, at: number): void {
    const span = count * intervalMs(spec);
    bucket.footing.stand(at, bucket.usedUntil - at);
    bucket.usedUntil = Math.max(bucket.usedUntil, at) + span;
    const usedUntil = bucket.usedUntil + bucket.heldMs;
    if (usedUntil <= bucket.reservedUntil) return;
    bucket.reservedUntil = Math.ceil(usedUntil + reserveMs(spec));
    this.#memory?.reserve(bucket.key, bucket.reservedUntil + this.#origin);
  }

  giveBack(rates: readonly NamedRate[], count: number, at: number): void {
    for (const rate of rates) {
      const bucket = this.#buckets.get(rateKey(rate));
      if (bucket === undefined) continue;
      bucket.usedUntil -= bucket.footing.giveBack(at, count * intervalMs(rate.spec));
    }
  }

  hold(rates: readonly NamedRate[], count: number, at: number): boolean {
    for (const rate of rates) {
      const bucket = this.#find(rate);
      const span = count * intervalMs(rate.spec);
      bucket.usedUntil -= bucket.footing.giveBack(at, span);
      bucket.heldMs += span;
    }
    return true;
  }

  letGo(rates: readonly NamedRate[], count: number, isUsed: boolean): number {
    const at = this.#now();
    for (const rate of rates) {
      const bucket = this.#find(rate);
      const leftMs = bucket.heldMs - count * intervalMs(rate.spec);
      // Sums of thirds do not come out at nothing.
      bucket.heldMs = leftMs < NOTHING_MS ? 0 : leftMs;
      if (isUsed) this.#use(bucket, rate, count, at);
    }
    return at;
  }

  acquire(limits: readonly NamedLimit[], lifeMs: number, answered: (l: Leased) => void): void {
    const at = this.#now();
    for (const { name, spec } of limits) {
      const held = this.#leases.get(name);
      if (held === undefined || held.size < spec.limit) continue;
      const lapsesAt = dropLapsed(held, at);
      if (held.size < spec.limit) continue;
      return answered({ kind: 'denied', binding: name, waitMs: Math.ceil(lapsesAt - at) });
    }
    const lease: Lease = { id: String(this.#nextId), limits };
    this.#nextId += 1;
    for (const { name } of limits) {
      const held = this.#leases.get(name);
      if (held !== undefined) held.set(lease.id, at + lifeMs);
      else this.#leases.set(name, new Map([[lease.id, at + lifeMs]]));
    }
    answered({ kind: 'held', lease });
  }

  extend({ id, limits }: Lease, lifeMs: number, answered: (isHeld: boolean) => void): void {
    const at = this.#now();
    const isHeld = limits.every(({ name }) => (this.#leases.get(name)?.get(id) ?? at) > at);
    if (isHeld) for (const { name } of limits) this.#leases.get(name)?.set(id, at + lifeMs);
    answered(isHeld);
  }

  release({ id, limits }: Lease): void {
    for (const { name } of limits) {
      const held = this.#leases.get(name);
      held?.delete(id);
      if (held?.size === 0) this.#leases.delete(name);
    }
  }

  #find(rate: NamedRate): Bucket {
    const key = rateKey(rate);
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    // A former process may have used as much as it had reserved.
    const usedUntil = (this.#memory?.usedUntil(key) ?? this.#origin) - this.#origin;
    const footing = new Footing();
    const bucket: Bucket = { key, usedUntil, reservedUntil: usedUntil, heldMs: 0, footing };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #forget(at: number): void {
    for (const [key, { usedUntil, reservedUntil, heldMs }] of this.#buckets) {
      if (heldMs === 0 && Math.max(usedUntil, reservedUntil) <= at) this.#buckets.delete(key);
    }
    // What is in use stays, however much it is; the next look comes when it has doubled.
    this.#bucketsMax = Math.max(BUCKETS_MAX, 2 * this.#buckets.size);
  }
}

/** Takes out the leases that have lapsed; answers when the next one will. */
function dropLapsed(held: Map<string, number>, at: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const [id, lapsesAt] of held) {
    if (lapsesAt <= at) held.delete(id);
    else next = Math.min(next, lapsesAt);
  }
  return next;
}
