/**
 * Rounds of housekeeping: long ways over queues, rows or ready queues, a share of the steps in each
 * turn, so that a million of them hold up no mail. A way is a generator that stops at each step and
 * is told the time of the turn that goes on; it stops after some looks, not after each, since each
 * stop makes garbage. Knows nothing of what is done on the way.
 */
import type { Core } from './core.ts';

/** A way over very many things; `weight` of a step, where it is more than a look. */
export type Way = Generator<number | undefined, void, number>;

const LOOKS_AT_ONCE = 64;

/** Looks between two stops of a way. */
export const looksAtOnce = ({ limits }: Pick<Core, 'limits'>): number =>
  Math.min(LOOKS_AT_ONCE, limits.sweepLooksMax);

/** Goes a way; its first steps are in this turn, `done` comes in the last. Ends with the engine. */
export function goRound(core: Core, way: Way, at: number, done?: (at: number) => void): void {
  const slice = (now: number): void => {
    for (let left = core.limits.sweepLooksMax; left > 0; ) {
      if (core.isStopping) return;
      const step = way.next(now);
      if (step.done) return done?.(now);
      left -= step.value ?? 1;
    }
    core.turns.push({ kind: 'run', run: slice });
  };
  slice(at);
}
