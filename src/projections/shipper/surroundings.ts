/**
 * What a shipper stands on: records of the log as its hook sees them, a place for its cursor, and
 * somebody to tell. Small interfaces, so that the law of shipping runs against memory.
 * Deliberately unknown here: SQLite, threads, how records are made of events.
 */
import type { At } from '../../ports/ports.ts';
import type { LogRecord } from '../log-record/record.ts';

/** A public record with its place in the log. */
export interface SourceRecord {
  readonly position: number;
  /** Captured for this hook: `meta` and `headers` hold what it asked for. */
  readonly record: LogRecord;
}

/** One look at the log. */
export interface SourceSpan {
  /** In order of position, at most one for each. */
  readonly records: readonly SourceRecord[];
  /** Everything up to here was looked at. Equal to `after`: nothing can be had just now. */
  readonly upto: number;
}

/** The log as one hook reads it. */
export interface RecordSource {
  /** The last durable position; 0 in an empty log. */
  upto(): number;
  /** The first position this hook can still have: what is older has fallen off the end. */
  first(): number;
  /**
   * At most `recordsMax` records behind `after`; may throw for what the disk does. `isWanted`:
   * somebody waits for it, so it is not put off for the sake of mail.
   */
  read(after: number, recordsMax: number, isWanted?: boolean): SourceSpan;
  /** What is sent for a record: its JSON or what the hook's template makes of it; no line end. */
  textOf(record: LogRecord): string;
  /** Calls once, later, as soon as there is something behind `after`; answers how to cancel. */
  whenMore(after: number, task: () => void): () => void;
  /** The last position older than `at`. */
  lastBefore(at: At): number;
}

/** Whether a hook runs, and if not, who stopped it: an operator, or its own rule. */
export type Standing = 'running' | 'paused' | 'disabled';

/** What is kept of a hook. */
export interface SavedCursor {
  /** Everything up to here is with the receiver, in the dead letters or not for this hook. */
  readonly position: number;
  readonly state: Standing;
  /** Why it does not run; '' while it does. */
  readonly error: string;
  /** Since there is this cursor: records confirmed, dead letters, positions that fell off. */
  readonly shipped: number;
  readonly deadLettered: number;
  readonly fallenOff: number;
  /** The last position of a replay, which ends there; absent in a live hook. */
  readonly until?: number;
}

/** A cursor that was never used, at a position. */
export const cursorAt = (position: number): SavedCursor => ({
  position,
  state: 'running',
  error: '',
  shipped: 0,
  deadLettered: 0,
  fallenOff: 0,
});

/** Where one cursor is kept. One call at a time; both answer exactly once, with a cause if not. */
export interface CursorKeeper {
  /** Answers when it is durable. */
  save(cursor: SavedCursor, answered: (cause?: string) => void): void;
  /** The cursor of a replay that is over goes. */
  forget(answered: (cause?: string) => void): void;
}
