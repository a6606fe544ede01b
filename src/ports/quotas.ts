/**
 * Rates and shared limits as the engine asks for them: tokens of rates, leases on limits. One
 * implementation counts in this process, another in Redis for several daemons; the engine cannot
 * tell. Answers may come before the call returns, and never by a promise.
 * Deliberately unknown here: what is counted, and what waits.
 */
import type { NamedRate } from '../domain/throttle.ts';
import type { LimitSpec } from '../domain/throttle-spec.ts';
import type { At, Ms } from './ports.ts';

/** A limit with the name under which its leases are counted. */
export interface NamedLimit {
  readonly name: string;
  readonly spec: LimitSpec;
}

/** Tokens that were had; with fewer than asked for, `binding` names the rate that said no. */
export interface Taken {
  readonly granted: number;
  /** When the next one is to be asked for, from now; 0 when all were granted. */
  readonly waitMs: Ms;
  readonly binding?: string;
  /** When they were counted, by the clock of whoever counts; `giveBack` wants it. */
  readonly at: At;
}

/** A place under every one of some limits; whoever holds it releases it exactly once. */
export interface Lease {
  readonly id: string;
  readonly limits: readonly NamedLimit[];
}

/** A lease, or the limit that has no place left and when to ask again at the latest. */
export type Leased =
  | { readonly kind: 'held'; readonly lease: Lease }
  | { readonly kind: 'denied'; readonly binding: string; readonly waitMs: Ms };

/** What outlives the process of rates that are counted in it; see `Quotas.remember`. */
export interface RateMemory {
  /** Up to when a former process may have used the bucket; undefined = nothing is known. */
  usedUntil(key: string): At | undefined;
  /** The bucket is used up to `until` at most from here on; told before the answer to `take`. */
  reserve(key: string, until: At): void;
}

/** Who counts. Nothing is ever granted without being counted, also when a server is away. */
export interface Quotas {
  /** Takes up to `count` tokens; each of them passes all of `rates`, or none is taken for it. */
  take(rates: readonly NamedRate[], count: number, answered: (taken: Taken) => void): void;
  /**
   * Gives tokens back that were taken for what did not happen; `at` is that of their `Taken`. Where
   * others passed meanwhile as if they had been used, they are lost: no span may see too many.
   */
  giveBack(rates: readonly NamedRate[], count: number, at: At): void;
  /**
   * What tokens were taken for cannot happen yet: they do not drain until `letGo`; `at` is that of
   * their `Taken`. Only where rates are counted in this process; false: not all of these.
   */
  hold?(rates: readonly NamedRate[], count: number, at: At): boolean;
  /** What was held happens now, and is counted at the answer; where `isUsed` denies it, never. */
  letGo?(rates: readonly NamedRate[], count: number, isUsed: boolean): At;
  /** Takes one place under all of `limits` or under none; it lapses after `lifeMs`. */
  acquire(limits: readonly NamedLimit[], lifeMs: Ms, answered: (leased: Leased) => void): void;
  /** Gives a lease its full life again; false: it had lapsed, and its holder must stop. */
  extend(lease: Lease, lifeMs: Ms, answered: (isHeld: boolean) => void): void;
  release(lease: Lease): void;
  /**
   * False where the limit is counted for this process alone: then a name that only one holder uses
   * needs no lease, for the holder can count its own.
   */
  isShared(limit: NamedLimit): boolean;
  /**
   * Tells of leases whose holders must stop soon, although they still hold them: somebody else
   * needs the place. Only where limits are shared.
   */
  watch?(lost: (lease: Lease) => void): void;
  /** Only where some rates are counted in this process: asks for what is to outlive it. */
  remember?(memory: RateMemory): void;
}
