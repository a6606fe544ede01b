/**
 * Recipients by what became of them, and the one sum that must hold wherever they are counted: in
 * the books, by the ledger that folds records on its own, and in each of its cells.
 * Deliberately unknown here: who counts, and what is told of it.
 */

/** How a recipient can end. `lost`: its body died with the process (deferred_spool). */
export const ENDS = ['delivered', 'bounced', 'expired', 'removed', 'lost'] as const;
/** What became of a recipient at its end. */
export type End = (typeof ENDS)[number];

/** Recipients that came in, and those that came to each end. */
export interface LedgerTotals extends Record<End, number> {
  accepted: number;
}

/** Accepted minus all fates; 0 in balance, below it where there are too many ends. */
export const imbalanceOf = (totals: Readonly<LedgerTotals> & { readonly live: number }): number =>
  ENDS.reduce((left, as) => left - totals[as], totals.accepted - totals.live);
