/**
 * A daemon's own share of rates and limits, for the time in which nobody counts for all. The idea:
 * rates begin used up, so that what was taken before and what is taken now never make more than one
 * burst; shares are rounded down, so that they never make more than the whole.
 * Deliberately unknown here: who counts otherwise, and why that one is away.
 */
import type { Quotas, Taken } from '../ports/quotas.ts';
import type { Share } from './options-redis.ts';
import { createQuotas } from './quotas.ts';
import type { NamedRate } from './throttle.ts';
import { intervalMs, rateKey } from './throttle.ts';

/** The share of a limit: rounded down, so one of two daemons has nothing of a limit of 1. */
export const shareOf = (limit: number, { part, whole }: Share): number =>
  Math.floor((limit * part) / whole);

/** A rate and how many of its tokens are in use. */
export interface RateUse {
  readonly rate: NamedRate;
  readonly tokens: number;
}

interface Shared {
  readonly rate: NamedRate;
  readonly scaled: NamedRate;
  /** Used up to this time at most. */
  until: number;
}

/** This daemon's share of rates. */
export class ShareRates {
  readonly #share: Share;
  readonly #now: () => number;
  #startedAt = 0;
  #quotas: Quotas;
  /** By the key of the scaled rate. */
  readonly #shared = new Map<string, Shared>();

  constructor(share: Share, now: () => number) {
    this.#share = share;
    this.#now = now;
    this.#quotas = this.#make();
  }

  /** Everything counts as used up at `at`; what was counted before is forgotten. */
  begin(at: number): void {
    this.#startedAt = at;
    this.#shared.clear();
    this.#quotas = this.#make();
  }

  /** As `Quotas.take`; where the share of a burst is less than one token there is never any. */
  take(rates: readonly NamedRate[], count: number, never: number): Taken {
    const scaled = rates.map((rate) => this.#scale(rate));
    const without = scaled.find(({ scaled: { spec } }) => spec.maxBurst < 1);
    if (without !== undefined) {
      return { granted: 0, waitMs: never, binding: without.rate.name, at: this.#now() };
    }
    let taken: Taken | undefined;
    this.#quotas.take(
      scaled.map(({ scaled: own }) => own),
      count,
      (answer) => {
        taken = answer;
      },
    );
    if (taken === undefined) throw new Error('quotas of this process answer at once');
    return taken;
  }

  /** As `Quotas.giveBack`. */
  giveBack(rates: readonly NamedRate[], count: number, at: number): void {
    const scaled = rates.map((rate) => this.#scale(rate).scaled);
    this.#quotas.giveBack(scaled, count, at);
  }

  /** What is in use at the most, of each rate that was asked for. */
  inUse(): RateUse[] {
    const now = this.#now();
    return [...this.#shared.values()]
      .map(({ rate, scaled, until }) => ({ rate, tokens: (until - now) / intervalMs(scaled.spec) }))
      .filter(({ tokens }) => tokens > 0);
  }

  #scale(rate: NamedRate): Shared {
    const { part, whole } = this.#share;
    const { spec } = rate;
    const maxBurst = (Math.max(1, spec.maxBurst) * part) / whole;
    const scaled = { ...rate, spec: { ...spec, limit: (spec.limit * part) / whole, maxBurst } };
    const key = rateKey(scaled);
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const until = this.#startedAt + maxBurst * intervalMs(scaled.spec);
    const shared = { rate, scaled, until };
    this.#shared.set(key, shared);
    return shared;
  }

  #make(): Quotas {
    const quotas = createQuotas({ now: this.#now });
    quotas.remember?.({
      usedUntil: (key) => this.#shared.get(key)?.until,
      reserve: (key, until) => {
        const shared = this.#shared.get(key);
        if (shared !== undefined) shared.until = until;
      },
    });
    return quotas;
  }
}
