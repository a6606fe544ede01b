/**
 * Places under shared limits: asked of Redis, or had of this daemon's share while Redis is away.
 * What is marked `local:` is asked of this process first, and released when Redis then refuses.
 * Deliberately unknown here: how the connection lives, and what is limited.
 */
import { randomBytes } from 'node:crypto';
import type { Ms } from '../ports.ts';
import type { Lease, Leased, NamedLimit, Quotas } from '../quotas.ts';
import type { RedisTime } from './quotas-redis-link.ts';
import type { Presence } from './quotas-redis-presence.ts';
import { ACQUIRE } from './quotas-redis-scripts.ts';
import type { RedisTimes } from './quotas-redis-times.ts';

/** What giving places stands on. */
export interface PlaceParts {
  readonly presence: Presence;
  readonly inner: Quotas;
  readonly time: RedisTime;
  readonly times: RedisTimes;
}

/** Places under limits, shared or not. */
export class SharedPlaces {
  readonly #presence: Presence;
  readonly #inner: Quotas;
  readonly #time: RedisTime;
  readonly #pollMs: Ms;
  readonly #holdMs: Ms;
  readonly #node = randomBytes(8).toString('hex');
  #nextId = 1;

  constructor({ presence, inner, time, times }: PlaceParts) {
    this.#presence = presence;
    this.#inner = inner;
    this.#time = time;
    this.#pollMs = times.pollMs;
    this.#holdMs = times.holdMs;
  }

  /** As `Quotas.acquire`. */
  acquire(limits: readonly NamedLimit[], lifeMs: Ms, answered: (leased: Leased) => void): void {
    const shared = limits.filter(({ spec }) => !spec.local);
    if (shared.length === 0) return this.#inner.acquire(limits, lifeMs, answered);
    const own = limits.filter(({ spec }) => spec.local);
    if (own.length === 0) return this.#acquireShared(limits, shared, undefined, lifeMs, answered);
    this.#inner.acquire(own, lifeMs, (leased) => {
      if (leased.kind === 'denied') return answered(leased);
      this.#acquireShared(limits, shared, leased.lease, lifeMs, (got) => {
        if (got.kind === 'denied') this.#inner.release(leased.lease);
        answered(got);
      });
    });
  }

  #acquireShared(
    limits: readonly NamedLimit[],
    shared: readonly NamedLimit[],
    inner: Lease | undefined,
    lifeMs: Ms,
    answered: (leased: Leased) => void,
  ): void {
    const now = this.#time.steadyMs();
    const id = `${this.#node}-${this.#nextId}`;
    this.#nextId += 1;
    const lease = { id, limits };
    const times = { endsAt: now + lifeMs, countedUntil: now };
    const held = { id, lease, limits: shared, inner, ...times, isSurplus: false };
    const grant = (): void => {
      this.#presence.leases.add(held);
      answered({ kind: 'held', lease });
    };
    const deny = (binding: string, waitMs: Ms): void =>
      answered({ kind: 'denied', binding, waitMs: Math.max(1, Math.min(waitMs, this.#pollMs)) });
    const first = shared[0]?.name ?? '';
    const standing = this.#presence.standing();
    if (standing === 'waiting') return deny(first, this.#presence.waitMs());
    if (standing === 'alone') {
      const isFull = (limit: NamedLimit): boolean =>
        this.#presence.leases.count(limit.name) >= this.#presence.capOf(limit, lifeMs);
      const full = shared.find(isFull);
      return full === undefined ? grant() : deny(full.name, this.#pollMs);
    }
    const lifeOnServer = Math.min(lifeMs, this.#holdMs);
    const spans = [lifeOnServer, this.#holdMs].map((ms) => String(Math.ceil(ms * 1_000)));
    const keys = shared.map(({ name }) => this.#presence.limitKey(name));
    const counts = shared.map(({ spec }) => String(spec.limit));
    this.#presence.call(ACQUIRE, keys, [id, ...spans, ...counts], (answer) => {
      if (answer === undefined) {
        this.#presence.register.doubt(held);
        return deny(first, this.#presence.waitMs());
      }
      const [, , granted = 0, waitUs = 0, at = 0] = answer;
      if (granted === 0) return deny(shared[at - 1]?.name ?? first, Math.ceil(waitUs / 1_000));
      held.countedUntil = now + lifeOnServer;
      grant();
    });
  }

  /** As `Quotas.extend`. */
  extend(lease: Lease, lifeMs: Ms, answered: (isHeld: boolean) => void): void {
    const held = this.#presence.leases.find(lease.id);
    if (held === undefined) {
      const isInner = lease.limits.every(({ spec }) => spec.local);
      return isInner ? this.#inner.extend(lease, lifeMs, answered) : answered(false);
    }
    const extended = (isInnerHeld: boolean): void => {
      const now = this.#time.steadyMs();
      if (held.endsAt <= now || !isInnerHeld) {
        this.release(lease);
        return answered(false);
      }
      // Its place is counted until its holder has really stopped and releases it.
      if (this.#presence.standing() === 'alone' && !this.#presence.mayKeep(held)) {
        return answered(false);
      }
      held.endsAt = now + lifeMs;
      // A long life is renewed by heartbeats; only one that they could miss needs an answer now.
      const isSure = lifeMs >= this.#holdMs && held.countedUntil - now > this.#holdMs / 4;
      if (isSure || this.#presence.standing() !== 'here') return answered(true);
      this.#presence.register.renew([held], (isDone) => {
        const isKnown = this.#presence.leases.find(lease.id) !== undefined;
        answered(isKnown && (isDone || held.countedUntil > this.#time.steadyMs()));
      });
    };
    if (held.inner === undefined) extended(true);
    else this.#inner.extend(held.inner, lifeMs, extended);
  }

  /** As `Quotas.release`. */
  release(lease: Lease): void {
    const held = this.#presence.leases.find(lease.id);
    if (held === undefined) {
      if (lease.limits.every(({ spec }) => spec.local)) this.#inner.release(lease);
      return;
    }
    if (held.inner !== undefined) this.#inner.release(held.inner);
    this.#presence.register.drop(held);
  }
}
