/**
 * The world's dice and how unkind it is: one seeded generator, and a table of fault rates.
 * The one idea: a run disables a random subset of the kinds of faults (a swarm), because a world in
 * which everything fails at once never gets far enough to fail in interesting ways.
 * Deliberately unknown here: what a fault does.
 */
import { createRandom } from '../../domain/prng.ts';
import type { Random } from '../../ports/ports.ts';

/** How likely each fault is, each time it could happen. */
export interface Faults {
  /** A piece of bytes on a link is followed by a reset. */
  readonly reset: number;
  /** A piece is held up for minutes. */
  readonly stall: number;
  /** A dial finds nobody. */
  readonly refuse: number;
  /** A dial hears nothing. */
  readonly vanish: number;
  /** A look-up fails for now. */
  readonly dns: number;
  /** A policy file cannot be fetched for now. */
  readonly web: number;
  /** A write answers that the link is full. */
  readonly full: number;
  /** A commit takes seconds. */
  readonly slowLog: number;
}

/** A kind world. */
export const CALM: Faults = {
  reset: 0,
  stall: 0,
  refuse: 0,
  vanish: 0,
  dns: 0,
  web: 0,
  full: 0,
  slowLog: 0,
};

/** A rough one. */
export const ROUGH: Faults = {
  reset: 0.01,
  stall: 0.01,
  refuse: 0.1,
  vanish: 0.05,
  dns: 0.1,
  web: 0.3,
  full: 0.1,
  slowLog: 0.02,
};

/** Dice over the seeded generator. */
export class Chance implements Random {
  readonly #draw: () => number;

  constructor(seed: number) {
    const { uniform } = createRandom(seed);
    this.#draw = uniform;
  }

  uniform(): number {
    return this.#draw();
  }

  /** True with this likelihood; 0 costs no throw, so that a switched-off fault changes nothing. */
  hits(likelihood: number): boolean {
    return likelihood > 0 && this.#draw() < likelihood;
  }

  /** An integer of `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.#draw() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }

  /** A rough world with a random half of its faults switched off. */
  swarm(): Faults {
    const kept = Object.entries(ROUGH).map(([kind, rate]) => [kind, this.hits(0.5) ? rate : 0]);
    return Object.fromEntries(kept) as unknown as Faults;
  }
}
