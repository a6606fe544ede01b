/**
 * What a ledger of recipients has to say: totals, what cannot be true, attempts nobody knows the
 * end of. Types and one sum; who counts is not known here.
 */

import type { End, LedgerTotals } from '../domain/ledger-totals.ts';
import { imbalanceOf } from '../domain/ledger-totals.ts';

/** Something that cannot be true of a log in good order. */
export interface Difference {
  readonly position: number;
  readonly stream: string;
  readonly sentence: string;
}

/** An attempt whose outcome nobody knows: a second copy of the message is possible. */
export interface UnknownAttempt {
  readonly message: string;
  readonly attempt: number;
  readonly at: number;
  readonly peer: string;
  readonly cause: string;
}

/** What the ledger has found so far. */
export interface LedgerReport {
  readonly recipients: Readonly<LedgerTotals> & { readonly live: number };
  readonly messages: { readonly accepted: number; readonly live: number };
  readonly attempts: {
    readonly offered: number;
    readonly deferred: number;
    /** Attempts without an outcome; the open ones at the end of the log are among them. */
    readonly unknown: number;
    readonly open: number;
  };
  /** Recipients of messages accepted before the first record there is. */
  readonly endedFromBefore: number;
  readonly differences: number;
  /** The first of the differences. */
  readonly differencesListed: readonly Difference[];
  /** The latest of the unknown attempts. */
  readonly unknownListed: readonly UnknownAttempt[];
}

/** How many differences and unknown attempts are told one by one; the rest is only counted. */
export const LISTED_MAX = 1000;

/** Who counts the same recipients on its own, in cells of its own choice. */
export interface LedgerWatch<C> {
  /** Recipients came in; the answer is handed back with whatever becomes of them. */
  accepted(queue: string, total: number, stream: string): C;
  /**
   * A record says that `claims` recipients came to an end, of which `taken` were still there to
   * end; without a cell the message is not known, and `queue` is what the record says, '' where
   * nothing.
   */
  ended(cell: C | undefined, as: End, claims: number, taken: number, about: EndNote): void;
  /** Asked for a report: so many recipients of the cell are in the queue still. */
  living(cell: C, left: number): void;
}

/** Which message an end is about. */
export interface EndNote {
  readonly stream: string;
  readonly queue: string;
}

/** The recipients missing from, or too many in, the sum of ends; 0 when the ledger is balanced. */
export const findImbalance = ({ recipients }: LedgerReport): number => imbalanceOf(recipients);
