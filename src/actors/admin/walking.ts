/**
 * Going through many queues in slices, one a turn, so that a hundred thousand queues or a million
 * messages do not hold up a single one. Knows nothing of what is done on the way.
 */
import type { QueueRow } from '../../domain/books.ts';
import type { Core } from '../core.ts';

/** A look here costs so much more than one of a sweep: rules are matched. */
const LOOKS_SHARE = 4;

/** The queues of a walk, looked up one by one when their turn comes; an array is one. */
export interface Route {
  readonly length: number;
  at(index: number): QueueRow | undefined;
}

/** What is done on a walk. */
export interface Walk {
  /** False ends the walk where it stands. */
  isOn(): boolean;
  /** Answers false when the turn's share was used up: it is called again for the same queue. */
  visit(row: QueueRow, at: number, index: number): boolean;
  /** All queues were visited. */
  done?(at: number): void;
}

/** Walks over queues that were there when it began; the first slice is in this turn. */
export function walkQueues(core: Core, queues: Route, walk: Walk, at: number): void {
  let next = 0;
  const slice = (now: number): void => {
    let looks = Math.ceil(core.limits.sweepLooksMax / LOOKS_SHARE);
    while (next < queues.length) {
      if (core.isStopping || !walk.isOn()) return;
      if (looks <= 0 || core.adminLeft <= 0) {
        core.turns.push({ kind: 'run', run: slice });
        return;
      }
      looks -= 1;
      const row = queues.at(next);
      const isThere = row !== undefined && core.books.queues[row.slot] === row;
      if (!isThere || walk.visit(row, now, next)) next += 1;
    }
    walk.done?.(now);
  };
  slice(at);
}

/** The queues there are now, each at the index of its slot. */
export const allQueues = (core: Core): readonly (QueueRow | undefined)[] =>
  core.books.queues.slice();
