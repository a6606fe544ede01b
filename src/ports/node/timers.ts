/**
 * The Timers port of a running thread: each wait is a Node timer of its own, on the steady clock.
 * Waits longer than a Node timer can hold are made of several. Does not know who waits.
 */
import type { Clock, Ms } from '../ports.ts';
import type { Timers } from '../timers.ts';
import { createClock, TIMER_WAIT_MS_MAX } from './clock.ts';

/** Timers over a clock of this process. */
export function createTimers(clock: Pick<Clock, 'now' | 'steadyMs'> = createClock()): Timers {
  return {
    now: () => clock.now(),
    steadyMs: () => clock.steadyMs(),
    after: (waitMs, task) => new Wait(clock, waitMs, task).cancel,
  };
}

class Wait {
  readonly cancel: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #timeout: NodeJS.Timeout | undefined;

  constructor(clock: Pick<Clock, 'steadyMs'>, waitMs: Ms, task: () => void) {
    this.cancel = () => {
      clearImmediate(this.#immediate);
      clearTimeout(this.#timeout);
    };
    // A wait that is no number must not become a wait for ever.
    if (!(waitMs > 0)) {
      this.#immediate = setImmediate(task);
      return;
    }
    const dueMs = clock.steadyMs() + waitMs;
    const wait = (): void => {
      const leftMs = dueMs - clock.steadyMs();
      // A clamped wait is not over yet, and a Node timer may ring a fraction too early.
      if (leftMs <= 0) return task();
      this.#timeout = setTimeout(wait, Math.min(Math.ceil(leftMs), TIMER_WAIT_MS_MAX));
    };
    wait();
  }
}
