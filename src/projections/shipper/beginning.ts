/**
 * Where a hook begins: at its cursor, where it has one; else where it was set up to begin. And the
 * span of a replay, from instants or positions.
 * Deliberately unknown here: shippers, how cursors are kept.
 */
import type { At } from '../../ports/ports.ts';
import type { HookStart } from '../hook.ts';
import type { RecordSource, SavedCursor } from './surroundings.ts';
import { cursorAt } from './surroundings.ts';

/** The cursor of a hook that has none yet. */
export function firstCursor(start: HookStart, source: RecordSource): SavedCursor {
  return cursorAt(positionAt(start, source));
}

function positionAt(start: HookStart, source: RecordSource): number {
  if (start === 'now') return source.upto();
  // What fell off before the hook was there is not missing from it.
  const before = Math.max(0, source.first() - 1);
  return start === 'beginning' ? before : Math.max(before, source.lastBefore(start.at));
}

/** What is to be replayed: positions, both included, or instants, the last not included. */
export type ReplaySpan =
  | { readonly fromPosition: number; readonly toPosition: number }
  | { readonly from: At; readonly to: At };

/** The cursor of a replay; a sentence where there is nothing in that span. */
export function replayCursor(span: ReplaySpan, source: RecordSource): SavedCursor | string {
  const [after, last] =
    'from' in span
      ? [source.lastBefore(span.from), source.lastBefore(span.to)]
      : [span.fromPosition - 1, span.toPosition];
  const until = Math.min(last, source.upto());
  const position = Math.max(0, after);
  if (until <= position) return 'there is nothing in that span of the log';
  if (until < source.first()) return 'that span of the log is gone already';
  return { ...cursorAt(position), until };
}
