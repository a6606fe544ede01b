/**
 * Weighted choice for the load tools. All draws of a run come from one seeded generator, so the
 * n-th message is the same in every run, whichever connection carries it. Knows nothing of mail.
 */
import { partitionPoint } from '../domain/partition-point.ts';
import type { Prng } from '../domain/prng.ts';
import type { Weighted } from './arguments.ts';

/** Draws one of several values by weight, in logarithmic time. */
export class Picker<T> {
  private readonly values: readonly T[];
  private readonly upto: Float64Array;

  constructor(choices: readonly Weighted<T>[]) {
    this.values = choices.map((choice) => choice.value);
    this.upto = new Float64Array(choices.length);
    let sum = 0;
    choices.forEach((choice, index) => {
      sum += choice.weight;
      this.upto[index] = sum;
    });
  }

  /** The value whose span holds the next draw. */
  pick(dice: Prng): T {
    const last = this.values.length - 1;
    if (last === 0) return this.values[0] as T;
    const mark = dice.uniform() * (this.upto[last] ?? 0);
    const isBefore = (at: number): boolean => (this.upto[at] as number) <= mark;
    return this.values[partitionPoint(0, last, isBefore)] as T;
  }
}

/** `count` values whose weights fall as 1/rank, the shape of real recipient domains. */
export const zipf = <T>(count: number, name: (rank: number) => T): Weighted<T>[] =>
  Array.from({ length: count }, (_, index) => ({
    value: name(index + 1),
    weight: 1 / (index + 1),
  }));
