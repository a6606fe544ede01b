/**
 * Tokens of shared rates: asked of Redis, or taken of this daemon's share while Redis is away. What
 * is marked `local:` is asked of this process first, and given back when Redis then refuses.
 * Deliberately unknown here: how the connection lives, and what is limited.
 */
import type { NamedRate } from '../../domain/throttle.ts';
import { rateKey } from '../../domain/throttle.ts';
import type { At, Ms } from '../ports.ts';
import type { Quotas, Taken } from '../quotas.ts';
import type { RedisTime } from './quotas-redis-link.ts';
import type { Presence } from './quotas-redis-presence.ts';
import { ADJUST, TAKE } from './quotas-redis-scripts.ts';

/** Takes kept to know when their tokens were counted, should they come back. */
const TAKES_MAX = 10_000;
const REFUSALS_MAX = 10_000;

/** When the tokens of one take were counted, by each of those who count. */
interface TakenAt {
  readonly inner?: At;
  /** Server time, µs. */
  readonly server?: number;
  /** By the steady clock, of a share. */
  readonly alone?: Ms;
}

type Counted = Omit<Taken, 'at'> & Omit<TakenAt, 'inner'>;

/** What taking tokens stands on. */
export interface TokenParts {
  readonly presence: Presence;
  readonly inner: Quotas;
  readonly now: () => At;
  readonly time: RedisTime;
  readonly pollMs: Ms;
}

/** Tokens of rates, shared or not. */
export class SharedTokens {
  readonly #presence: Presence;
  readonly #inner: Quotas;
  readonly #now: () => At;
  readonly #time: RedisTime;
  readonly #pollMs: Ms;
  #lastAt = 0;
  readonly #takes = new Map<At, TakenAt>();
  /** Rates that Redis refused, and until when it cannot say anything else, steady ms. */
  readonly #refused = new Map<string, Ms>();

  constructor({ presence, inner, now, time, pollMs }: TokenParts) {
    this.#presence = presence;
    this.#inner = inner;
    this.#now = now;
    this.#time = time;
    this.#pollMs = pollMs;
  }

  /** As `Quotas.take`. */
  take(rates: readonly NamedRate[], count: number, answered: (taken: Taken) => void): void {
    const shared = rates.filter(({ spec }) => !spec.local);
    if (shared.length === 0) return this.#inner.take(rates, count, answered);
    const own = rates.filter(({ spec }) => spec.local);
    if (own.length === 0) {
      return this.#takeShared(shared, count, (counted) => answered(this.#note(counted)));
    }
    this.#inner.take(own, count, (first) => {
      if (first.granted === 0) return answered(first);
      this.#takeShared(shared, first.granted, (counted) => {
        const unused = first.granted - counted.granted;
        if (unused > 0) this.#inner.giveBack(own, unused, first.at);
        // What was refused here first is refused still, whatever Redis said about the rest.
        const { waitMs, binding } = unused > 0 ? counted : first;
        const named = binding === undefined ? {} : { binding };
        const { at } = this.#note(counted, first.at);
        answered({ granted: counted.granted, waitMs, ...named, at });
      });
    });
  }

  #note({ server, alone, ...taken }: Counted, inner?: At): Taken {
    // No two takes at the same time, so that each is found again by it.
    const at = Math.max(this.#now(), this.#lastAt + 0.001);
    this.#lastAt = at;
    if (taken.granted > 0) {
      this.#takes.set(at, {
        ...(inner !== undefined && { inner }),
        ...(server !== undefined && { server }),
        ...(alone !== undefined && { alone }),
      });
      const [oldest] = this.#takes.keys();
      if (this.#takes.size > TAKES_MAX && oldest !== undefined) this.#takes.delete(oldest);
    }
    return { ...taken, at };
  }

  #takeShared(
    rates: readonly NamedRate[],
    count: number,
    answered: (counted: Counted) => void,
  ): void {
    const standing = this.#presence.standing();
    const binding = rates[0]?.name ?? '';
    if (standing === 'waiting') {
      return answered({ granted: 0, waitMs: this.#presence.waitMs(), binding });
    }
    if (standing === 'alone') {
      const { at, ...taken } = this.#presence.rates.take(rates, count, this.#pollMs);
      // Redis may be back before a long wait is over.
      return answered({ ...taken, waitMs: Math.min(taken.waitMs, this.#pollMs), alone: at });
    }
    const refused = this.#findRefused(rates);
    if (refused !== undefined) return answered(refused);
    const keys = rates.map((rate) => this.#presence.rateKey(rate));
    this.#presence.call(TAKE, keys, [String(count), ...specsOf(rates)], (answer) => {
      if (answer === undefined) {
        return answered({ granted: 0, waitMs: this.#presence.waitMs(), binding });
      }
      const [, server = 0, granted = 0, waitUs = 0, at = 0] = answer;
      if (granted === count) return answered({ granted, waitMs: 0, server });
      const waitMs = Math.max(1, Math.ceil(waitUs / 1_000));
      const rate = rates[at - 1];
      if (rate !== undefined) this.#refuse(rateKey(rate), waitMs);
      answered({ granted, waitMs, binding: rate?.name ?? binding, server });
    });
  }

  /** Until the time that Redis named there is no token, whoever asks. */
  #findRefused(rates: readonly NamedRate[]): Counted | undefined {
    const now = this.#time.steadyMs();
    let found: Counted | undefined;
    for (const rate of rates) {
      const waitMs = Math.ceil((this.#refused.get(rateKey(rate)) ?? now) - now);
      if (waitMs <= (found?.waitMs ?? 0)) continue;
      found = { granted: 0, waitMs, binding: rate.name };
    }
    return found;
  }

  #refuse(key: string, waitMs: Ms): void {
    if (this.#refused.size >= REFUSALS_MAX) this.#refused.clear();
    // Not for long: another daemon may give tokens back, and Redis may go away.
    this.#refused.set(key, this.#time.steadyMs() + Math.min(waitMs, this.#pollMs));
  }

  /** As `Quotas.giveBack`. */
  giveBack(rates: readonly NamedRate[], count: number, at: At): void {
    const shared = rates.filter(({ spec }) => !spec.local);
    if (shared.length === 0) return this.#inner.giveBack(rates, count, at);
    const taken = this.#takes.get(at);
    const own = rates.filter(({ spec }) => spec.local);
    if (own.length > 0) this.#inner.giveBack(own, count, taken?.inner ?? at);
    if (taken === undefined || count <= 0) return;
    for (const rate of shared) this.#refused.delete(rateKey(rate));
    const standing = this.#presence.standing();
    if (standing === 'alone' && taken.alone !== undefined) {
      this.#presence.rates.giveBack(shared, count, taken.alone);
    } else if (standing === 'here' && taken.server !== undefined) {
      const keys = shared.map((rate) => this.#presence.rateKey(rate));
      const args = [`${taken.server} ${count}`, ...specsOf(shared)];
      this.#presence.call(ADJUST, keys, args, () => {});
    }
  }
}

const specsOf = (rates: readonly NamedRate[]): string[] =>
  rates.flatMap(({ spec: { limit, periodMs, maxBurst } }) =>
    [limit, periodMs * 1_000, Math.max(1, maxBurst)].map(String),
  );
