/**
 * The log as readers see it: what is durable, in order, and nothing else.
 * The one idea: the log is the queue of everybody who wants to know; a reader only holds a position
 * and can never slow the writer down.
 * Deliberately unknown here: segments, SQLite, what a record means, who reads.
 */
import type { StoredRecord } from './ports.ts';

/** A durable record with the proof of its past (32 hex digits); never two with the same chain. */
export interface CommittedRecord extends StoredRecord {
  readonly chain: string;
}

/** One look at the log. */
export interface CommittedSpan {
  /** Whole records in order of position; damaged and missing ones are left out and reported. */
  readonly records: readonly CommittedRecord[];
  /** Everything up to here was looked at; the next look begins behind it. */
  readonly upto: number;
}

/** The log, read behind the commit. */
export interface CommittedLog {
  /** The last durable position; 0 in an empty log. */
  upto(): number;
  /** The first position there still is: what is older has fallen off the end. */
  first(): number;
  /** At most `recordsMax` records behind `after`. */
  read(after: number, recordsMax: number): CommittedSpan;
  /** One record; undefined where it is damaged or gone. */
  find(position: number): CommittedRecord | undefined;
  /** Calls once, later, as soon as something behind `after` is durable; answers how to cancel. */
  whenMore(after: number, task: () => void): () => void;
}
