/**
 * The Random port of a running worker: one seed from the system, everything else follows from it.
 * The seed is given out so that `engine.started` can record it. Not for secrets or DNS ids, which
 * are drawn from the system directly.
 */
import { randomInt } from 'node:crypto';
import { createRandom } from '../../domain/prng.ts';
import type { Random } from '../ports.ts';

/** A Random that tells which seed it grew from. */
export interface SeededRandom extends Random {
  readonly seed: number;
}

// The widest range that randomInt draws from.
const SEED_RANGE = 2 ** 48 - 1;

/** The generator of this process; a given seed repeats an earlier run. */
export const createNodeRandom = (seed: number = randomInt(SEED_RANGE)): SeededRandom => {
  const prng = createRandom(seed);
  return { seed, uniform: prng.uniform };
};
