/**
 * How many look-ups run at once. A look-up holds a narrow slot only while it is young; a slow one
 * moves over into the wide lane and frees its slot, so a thousand dead zones do not hold up the
 * healthy ones. What waits, waits first in first out. It does not know what a look-up does.
 */
import type { Ms } from '../ports.ts';

/** The bounds of the two lanes, and of what may wait for them. */
export interface LaneLimits {
  /** Look-ups in their first `youngMs`. */
  readonly youngMax: number;
  readonly youngMs: Ms;
  /** Look-ups in all; each may hold a socket or two. */
  readonly runningMax: number;
  readonly waitingMax: number;
}

/** A task gets the function to call once when it has ended. */
export type LaneTask = (ended: () => void) => void;

/** Runs tasks within the limits. */
export interface Lanes {
  /** False when too much waits already: the task will never run. */
  enter(task: LaneTask): boolean;
  /** Forgets what waits. */
  clear(): void;
}

/** Two lanes within `limits`. */
export const createLanes = (limits: LaneLimits): Lanes => {
  const waiting = new Set<LaneTask>();
  let young = 0;
  let running = 0;

  const start = (task: LaneTask): void => {
    young += 1;
    running += 1;
    let isYoung = true;
    let isRunning = true;
    const age = (): void => {
      if (isYoung) young -= 1;
      isYoung = false;
    };
    const timer = setTimeout(() => {
      age();
      admit();
    }, limits.youngMs);
    task(() => {
      if (!isRunning) return;
      isRunning = false;
      running -= 1;
      clearTimeout(timer);
      age();
      admit();
    });
  };
  const hasRoom = (): boolean => young < limits.youngMax && running < limits.runningMax;
  function admit(): void {
    for (const task of waiting) {
      if (!hasRoom()) return;
      waiting.delete(task);
      start(task);
    }
  }

  return {
    enter: (task) => {
      if (waiting.size === 0 && hasRoom()) {
        start(task);
        return true;
      }
      if (waiting.size >= limits.waitingMax) return false;
      waiting.add(task);
      return true;
    },
    clear: () => waiting.clear(),
  };
};
