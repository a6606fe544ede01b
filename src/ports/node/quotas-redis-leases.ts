/**
 * The leases this daemon holds on shared limits: when each ends, and up to when Redis counts it.
 * Redis is told of each for a short time only, so the places of a killed daemon come free soon.
 * Deliberately unknown here: the way to Redis.
 */
import type { Ms } from '../ports.ts';
import type { Lease, NamedLimit } from '../quotas.ts';

/** A lease as its daemon keeps it; times by the steady clock, ms. */
export interface HeldLease {
  readonly id: string;
  /** As its holder knows it. */
  readonly lease: Lease;
  /** Those of its limits that are shared. */
  readonly limits: readonly NamedLimit[];
  /** What is held of limits that are not shared. */
  readonly inner: Lease | undefined;
  /** Its holder must have asked again by then. */
  endsAt: number;
  /** Redis counts it until then. */
  countedUntil: number;
  /** It is above this daemon's share; its holder was told to stop. */
  isSurplus: boolean;
}

/** All leases of this daemon on shared limits. */
export class OwnLeases {
  readonly #leases = new Map<string, HeldLease>();
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#leases.size;
  }

  find(id: string): HeldLease | undefined {
    return this.#leases.get(id);
  }

  add(lease: HeldLease): void {
    this.#leases.set(lease.id, lease);
    for (const { name } of lease.limits) this.#counts.set(name, this.count(name) + 1);
  }

  /** True when it was there. */
  remove({ id, limits }: HeldLease): boolean {
    if (!this.#leases.delete(id)) return false;
    for (const { name } of limits) {
      const left = this.count(name) - 1;
      if (left > 0) this.#counts.set(name, left);
      else this.#counts.delete(name);
    }
    return true;
  }

  /** How many leases there are on a limit. */
  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** How many there are on each limit. */
  counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }

  /** Marks those above `most` of any limit, and answers them; those marked before are not kept. */
  markSurplus(most: (limit: NamedLimit) => number): HeldLease[] {
    const kept = new Map<string, number>();
    return this.pick((lease) => {
      const keep = ({ name }: NamedLimit): number => kept.get(name) ?? 0;
      const isNew = !lease.isSurplus;
      lease.isSurplus ||= lease.limits.some((limit) => keep(limit) >= most(limit));
      if (lease.isSurplus) return isNew;
      for (const limit of lease.limits) kept.set(limit.name, keep(limit) + 1);
      return false;
    });
  }

  /** Those that pass `wanted`. */
  pick(wanted: (lease: HeldLease) => boolean): HeldLease[] {
    return [...this.#leases.values()].filter(wanted);
  }
}

/** Leases as the script that renews them reads them. */
export interface DescribedLeases {
  /** The names of their limits, each once. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** How long each is to be counted, ms. */
  readonly lives: readonly Ms[];
}

/** Describes leases for renewal: counted as long as they last, at most `holdMs`. */
export function describeLeases(leases: readonly HeldLease[], now: Ms, holdMs: Ms): DescribedLeases {
  const places = new Map<string, number>();
  const args = [us(holdMs)];
  const lives = leases.map(({ endsAt }) => Math.max(1, Math.min(endsAt - now, holdMs)));
  leases.forEach(({ id, limits }, at) => {
    args.push(id, us(lives[at] ?? 1), String(limits.length));
    for (const { name, spec } of limits) {
      const place = places.get(name) ?? places.size + 1;
      places.set(name, place);
      args.push(String(place), String(spec.limit));
    }
  });
  return { keys: [...places.keys()], args, lives };
}

const us = (ms: Ms): string => String(Math.ceil(ms * 1_000));
