/**
 * The log of a world as journeys read it: the memory log, in segments of a few positions. Knows no
 * law.
 */
import { createMemoryTail } from '../../src/events/memory-tail.ts';
import type { IndexedLog } from '../../src/forensics/journey/journey-index.ts';
import { JourneyIndex } from '../../src/forensics/journey/journey-index.ts';
import { LogLook } from '../../src/forensics/journey/log-look.ts';
import { openRunFolder } from '../../src/forensics/journey/run-files.ts';
import type { World } from '../../src/testing/world/world.ts';

/** Positions of a segment; few, so that stretches end often. */
const SEGMENT_POSITIONS = 97;

/** The log of a world in segments. */
export function segmented({ store }: Pick<World, 'store'>): IndexedLog {
  const tail = createMemoryTail(store, queueMicrotask);
  return {
    upto: () => tail.upto(),
    first: () => tail.first(),
    read: (after, max) => tail.read(after, max),
    find: (position) => tail.find(position),
    whenMore: (after, task) => tail.whenMore(after, task),
    spanOf: (position) => {
      const part = Math.floor((position - 1) / SEGMENT_POSITIONS);
      const first = part * SEGMENT_POSITIONS + 1;
      return { first, bound: first + SEGMENT_POSITIONS - 1 };
    },
  };
}

/** An index in memory, made at once. */
export function buildIndex(log: IndexedLog): JourneyIndex {
  const index = new JourneyIndex(log, openRunFolder('/nonexistent/journey'));
  while (index.step(10_000));
  return index;
}

/** A look at all that a world's log has now. */
export function lookAt(world: Pick<World, 'store'>): LogLook {
  const log = segmented(world);
  return new LogLook(log, buildIndex(log));
}
