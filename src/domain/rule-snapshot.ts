/**
 * The rules of operators as a part of a picture of the books, and back. Since form 4; earlier forms
 * knew none. Deliberately unknown here: the rest of the picture.
 */
import type { AdminRule, RebindOrder, RuleBook } from './admin-rules.ts';

/** Rules and rebinds, as JSON takes them. */
export interface PackedRules {
  readonly rules: readonly (Omit<AdminRule, 'counts'> & {
    readonly counts: readonly (readonly [string, number])[];
  })[];
  readonly rebinds: readonly RebindOrder[];
  readonly suspended: readonly (readonly [string, string])[];
}

/** Packs the rules, oldest first. */
export function packRules(book: RuleBook): PackedRules {
  const rules = [...book.all()].map((rule) => ({ ...rule, counts: [...rule.counts] }));
  return { rules, rebinds: [...book.rebinds.values()], suspended: [...book.suspended] };
}

/** Puts packed rules into an empty book. */
export function unpackRules(book: RuleBook, packed: PackedRules | undefined): void {
  for (const rule of packed?.rules ?? []) book.add({ ...rule, counts: new Map(rule.counts) });
  for (const order of packed?.rebinds ?? []) {
    book.rebinds.set(order.id, { ...order, move: order.move });
  }
  for (const [queue, id] of packed?.suspended ?? []) book.suspended.set(queue, id);
}
