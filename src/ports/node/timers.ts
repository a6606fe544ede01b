/**
 * The Timers port of a running process: any number of waits, each a Node timer of its own, over the
 * clock that no step of the system clock turns back. Does not know who waits.
 */
import type { Timers } from '../timers.ts';
import { createClock, TIMER_WAIT_MS_MAX } from './clock.ts';

/** The timers of this process. */
export const createTimers = (): Timers => {
  const clock = createClock();
  return {
    now: () => clock.now(),
    steadyMs: () => clock.steadyMs(),
    after: (waitMs, task) => {
      const dueMs = clock.steadyMs() + Math.max(0, waitMs);
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        const leftMs = Math.ceil(dueMs - clock.steadyMs());
        if (leftMs <= 0) return task();
        timer = setTimeout(wait, Math.min(leftMs, TIMER_WAIT_MS_MAX));
      };
      timer = setTimeout(wait, Math.min(Math.ceil(Math.max(0, waitMs)), TIMER_WAIT_MS_MAX));
      return () => clearTimeout(timer);
    },
  };
};
