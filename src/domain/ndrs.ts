/**
 * Failures that their senders are still to be told of (non-delivery reports, RFC 3464): what is
 * known of each, folded from events. The idea: as long as one is owed, the body of the message that
 * failed is kept, so that whoever writes the report may die at any point and begin again.
 * Knows no report's text and no policy.
 */
import type { BodyRef } from '../ports/ports.ts';

/** Reports that are owed at once; failures beyond are told to nobody, and counted. */
export const NDRS_OWED_MAX = 100_000;
/** Bodies kept for them; of what fails beyond, nothing of the original goes back. */
export const NDR_BODY_BYTES_MAX = 1_073_741_824;

/** Which failures are to be reported at all, as the policy in force says. */
export interface NdrDuties {
  readonly bounces: boolean;
  readonly expirations: boolean;
}

/** A report that is owed: one for all recipients of a message that failed in one turn. */
export interface OwedNdr {
  /** Position of `ndr.owed`, which names it. */
  readonly position: number;
  /** The message that failed. */
  readonly message: string;
  /** Position of its acceptance. */
  readonly origin: number;
  /** Positions of the events that say who was not reached, and why. */
  readonly failures: readonly number[];
  /** What was sent; undefined where there was no room to keep it. */
  readonly body: BodyRef | undefined;
}
