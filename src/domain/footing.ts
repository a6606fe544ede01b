/**
 * What may be given back of a bucket. Who takes a token stands on what was taken before and has not
 * drained yet; so much of that and no more can be given back afterwards, or a span would see too
 * many. Kept as few steps: for what was taken at a time, the next step says how much. Pure.
 * Deliberately unknown here: rates, and what tokens are for.
 */

/** Steps that are kept; past it the two oldest become one, and less can be given back. */
const STEPS_MAX = 64;

interface Step {
  readonly at: number;
  /** How far ahead of `at` the bucket was used up by all that was taken before, ms. */
  ms: number;
}

/** What stands on what, of one bucket. */
export class Footing {
  /** Later ones are higher: what was taken before a step is bound by the first after it. */
  readonly #steps: Step[] = [];

  /** Something is taken at `at`, with the bucket used up `aheadMs` from there before it. */
  stand(at: number, aheadMs: number): void {
    const steps = this.#steps;
    // What is taken at one time does not stand on itself.
    if (steps.at(-1)?.at === at) return;
    const ms = Math.max(0, aheadMs);
    while (steps.length > 0 && (steps.at(-1) as Step).ms >= ms) steps.pop();
    steps.push({ at, ms });
    if (steps.length <= STEPS_MAX) return;
    const [oldest, next] = steps as [Step, Step];
    steps.splice(0, 2, { at: next.at, ms: oldest.ms });
  }

  /** How much of `ms`, taken at `at`, can be given back; it counts as given back from here on. */
  giveBack(at: number, ms: number): number {
    const steps = this.#steps;
    let first = steps.length;
    while (first > 0 && (steps[first - 1] as Step).at > at) first -= 1;
    const backMs = Math.min(ms, steps[first]?.ms ?? ms);
    for (let index = first; index < steps.length; index += 1) (steps[index] as Step).ms -= backMs;
    const bound = steps[first]?.ms ?? Number.POSITIVE_INFINITY;
    let lower = first;
    while (lower > 0 && (steps[lower - 1] as Step).ms >= bound) lower -= 1;
    steps.splice(lower, first - lower);
    return backMs;
  }
}
