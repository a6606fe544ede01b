/**
 * Time for sinks under test: the real one, or one that a test has said.
 * Deliberately unknown here: who waits.
 */
import type { Timers } from '../../src/ports/timers.ts';

/** Real timers; `now` may be fixed. */
export const timersAt = (now: () => number = Date.now): Timers => ({
  now,
  steadyMs: () => performance.now(),
  after: (waitMs, task) => {
    const timer = setTimeout(task, waitMs);
    return () => clearTimeout(timer);
  },
});
