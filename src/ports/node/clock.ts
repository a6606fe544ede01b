/**
 * The Clock port of a running worker: wall time read once at the start, then carried on by the
 * steady clock, so that a step of the system clock neither turns time back nor stalls a retry.
 * One Node timer serves the one alarm. It does not know what is due, nor for whom.
 */
import type { At, Clock, Ms } from '../ports.ts';

/** The longest wait a Node timer can hold; a longer one would fire at once. */
export const TIMER_WAIT_MS_MAX = 2 ** 31 - 1;

/** The parts of the platform that the clock stands on; tests hand in others. */
export interface ClockParts {
  wall(): At;
  steady(): Ms;
  setTimer(task: () => void, waitMs: Ms): unknown;
  clearTimer(timer: unknown): void;
}

const platform: ClockParts = {
  wall: () => Date.now(),
  steady: () => performance.now(),
  setTimer: (task, waitMs) => setTimeout(task, waitMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** The clock of this process. */
export const createClock = (parts: ClockParts = platform): Clock => {
  const wallAtStart = parts.wall();
  const steadyAtStart = parts.steady();
  let timer: unknown;

  const wait = (dueSteadyMs: Ms, ring: () => void): void => {
    const leftMs = Math.max(0, Math.ceil(dueSteadyMs - parts.steady()));
    timer = parts.setTimer(
      () => {
        timer = undefined;
        // A clamped wait is not over yet, and a timer may fire a fraction too early.
        if (parts.steady() < dueSteadyMs) wait(dueSteadyMs, ring);
        else ring();
      },
      Math.min(leftMs, TIMER_WAIT_MS_MAX),
    );
  };
  const disarm = (): void => {
    if (timer !== undefined) parts.clearTimer(timer);
    timer = undefined;
  };

  return {
    now: () => Math.floor(wallAtStart + parts.steady() - steadyAtStart),
    steadyMs: () => parts.steady(),
    arm: (waitMs, ring) => {
      disarm();
      // A wait that is no number must not become a wait for ever: it is due now.
      wait(parts.steady() + (Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs)), ring);
    },
    disarm,
    soon: (task) => {
      setImmediate(task);
    },
  };
};
