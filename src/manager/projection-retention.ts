/**
 * What a reader's `retention` gives up: the first position it may still have, by the age of records
 * and by the size of the log behind its cursor. Knows no reader.
 */
import type { LogTail } from '../events/log-tail.ts';
import type { At } from '../ports/ports.ts';
import type { Feed } from '../projections/feed.ts';
import type { HookRetention } from '../projections/hook.ts';

/** What age and size are measured in. */
export interface RetentionWorld {
  readonly tail: Pick<LogTail, 'read' | 'firstWithin'>;
  readonly feed: Pick<Feed, 'lastBefore'>;
}

/** The first position that is not given up; 0 where nothing is. Cheap for who is up to date. */
export function retentionFloor(
  { maxAgeMs, maxBytes }: HookRetention,
  position: number,
  now: At,
  { tail, feed }: RetentionWorld,
): number {
  const [next] = tail.read(position, 1).records;
  if (next === undefined) return 0;
  const isTooOld = maxAgeMs !== undefined && next.at < now - maxAgeMs;
  const byAge = isTooOld ? feed.lastBefore(now - maxAgeMs) + 1 : 0;
  const bySize = maxBytes === undefined ? 0 : tail.firstWithin(maxBytes);
  return Math.max(byAge, bySize);
}
