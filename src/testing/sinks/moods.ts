/**
 * How sinks behave, by the names that scenarios have for it. Values only; what a mood does is the
 * receiver's.
 */
import type { SinkMood } from './receiver.ts';
import { KIND } from './receiver.ts';

/** How a sink treats what it is sent; `ms` belongs to a slow one. */
export type SinkBehaviour =
  | 'in order'
  /** Every batch fails at once. */
  | 'down'
  /** It takes up to `ms` for an answer. */
  | 'slow'
  /** Every record is refused for good: a dead letter. */
  | 'refusing'
  /** It has the batch, and says that it failed. */
  | 'dropping after taking'
  /** It never answers. */
  | 'silent';

/** All of them. */
export const SINK_BEHAVIOURS: readonly SinkBehaviour[] = [
  'in order',
  'down',
  'slow',
  'refusing',
  'dropping after taking',
  'silent',
];

const SLOW_MS = 5_000;

/** The mood that a name means. */
export function moodOf(is: SinkBehaviour, ms = SLOW_MS): SinkMood {
  switch (is) {
    case 'down':
      return { ...KIND, fails: 1 };
    case 'slow':
      return { ...KIND, slowMs: ms };
    case 'refusing':
      return { ...KIND, refusesAll: 1 };
    case 'dropping after taking':
      return { ...KIND, fails: 1, takesFirst: 1 };
    case 'silent':
      return { ...KIND, hangs: 1 };
    default:
      return { ...KIND };
  }
}
