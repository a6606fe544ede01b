/**
 * How many connections a ready queue is worth. The idea: the share of the limit grows quickly with
 * the first messages and slowly later, so a short queue does not knock with every connection.
 * Deliberately unknown here: leases, rates, connections that exist.
 */

const STEEPNESS = 0.023;

/** The number of connections to aim for with `queued` messages ready; never more than either. */
export function targetSessions(limit: number, queued: number): number {
  if (queued <= 0 || limit <= 0) return 0;
  const share = Math.min(1 - Math.exp(-STEEPNESS * queued), queued);
  return Math.min(Math.ceil(limit * share), queued, limit);
}
