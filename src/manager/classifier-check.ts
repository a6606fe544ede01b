/**
 * Proves the rules of the bounce classifier while a policy is loaded: every expression is compiled,
 * and each that cannot be is named with its file, label and place. The engine of the expressions is
 * loaded only where there are rules. It does not know responses.
 */
import type { Gatherer, Validated } from '../policy/validate.ts';

const LOOK_AROUND = /\(\?<?[=!]/;
const FIX_LOOK_AROUND =
  'there is no look-ahead or look-behind: write a rule of its own that stands before this one';
const FIX = 'write it in RE2 syntax: no back-references, no repetition above 1000';

/** Refuses rules that cannot be used. */
export const checkClassifier = async (
  { setup }: Pick<Validated, 'setup'>,
  found: Pick<Gatherer, 'refuse'>,
): Promise<void> => {
  const { bounceRules } = setup;
  if (bounceRules === undefined) return;
  const { findRuleFault } = await import('../projections/classifier.ts');
  for (const rule of bounceRules.rules) {
    const fault = findRuleFault(rule);
    if (fault === undefined) continue;
    const fix = LOOK_AROUND.test(rule.pattern) ? FIX_LOOK_AROUND : FIX;
    found.refuse(fault.place, fault.problem, fix);
  }
};
