/**
 * Bounds of writing reports of failure, in one place. How many may be owed is not among them: see
 * domain/ndrs.ts. Knows nothing of how they are kept.
 */

/** Reports that are being written at once. */
export const NDRS_AT_ONCE = 4;
/** Put off by policy, and waiting beside those; one beyond waits in their place. */
export const NDRS_RESTING_MAX = 1_024;
/** What stands in the way for now is waited for so long, ms. */
export const NDR_WAIT_MS = 5_000;
/** So often a policy may put the same report off, or fail; after it there is none. */
export const NDR_TRIES_MAX = 5;
/** How long a handler may take for one report, ms. */
export const NDR_SHAPING_MS_MAX = 30_000;
/** Octets of an original that goes back whole; of a larger one only the header does. */
export const NDR_ORIGINAL_BYTES_MAX = 1_048_576;
/** Of a reason that is put on record, UTF-16 units. */
export const NDR_CAUSE_CHARS_MAX = 300;
