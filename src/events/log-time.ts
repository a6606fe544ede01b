/**
 * The log thread's own watch: spans and retries of an adapter that lives on a thread of its own.
 * The one idea: what is *stored* as time always comes in with the turn; this file only measures how
 * long a commit took and wakes the thread for retries, so it is the one place that touches timers.
 * Deliberately unknown here: wall time.
 */
import { performance } from 'node:perf_hooks';

/** A steady reading in milliseconds for measuring spans. */
export const steadyMs = (): number => performance.now();

/** Runs `task` once, `waitMs` from now; the answer cancels it. */
export const later = (waitMs: number, task: () => void): (() => void) => {
  const timer = setTimeout(task, waitMs);
  return () => clearTimeout(timer);
};

/** Runs `task` every `waitMs` until the answer is called. */
export const every = (waitMs: number, task: () => void): (() => void) => {
  const timer = setInterval(task, waitMs);
  return () => clearInterval(timer);
};
