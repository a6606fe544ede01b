/**
 * How sinks behave, by the names that scenarios have for it. Values only; what a mood does is the
 * receiver's.
 */
import type { SinkMood } from './receiver.ts';
import { KIND } from './receiver.ts';

/** How a sink treats what it is sent; `ms` belongs to those that are slow. */
export type SinkBehaviour =
  | 'in order'
  /** Every batch fails at once. */
  | 'down'
  /** It takes up to `ms` for an answer. */
  | 'slow'
  /** As slow, and half of the batches fail, some of them after it took them. */
  | 'flaky'
  /** Every record is refused for good: a dead letter. */
  | 'refusing'
  /** It has the batch, and says that it failed. */
  | 'dropping after taking'
  /** It never answers. */
  | 'silent';

/** All of them, to be drawn from: those that leave work half done stand there more than once. */
export const SINK_BEHAVIOURS: readonly SinkBehaviour[] = [
  'in order',
  'down',
  'slow',
  'slow',
  'slow',
  'flaky',
  'flaky',
  'flaky',
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
    case 'flaky':
      return { ...KIND, slowMs: ms, fails: 0.5, takesFirst: 0.3 };
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
