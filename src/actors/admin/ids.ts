/**
 * Ids of rules: random UUIDs, drawn from the engine's own randomness, so that a run told again
 * gives the same ones. Knows nothing of what they name.
 */
import { drawUuid } from '../../domain/uuid.ts';
import type { Core } from '../core.ts';

/** A new id; none that is in the books. */
export function newRuleId(core: Core): string {
  const { rules } = core.books;
  for (;;) {
    const id = drawUuid(() => core.ports.random.uniform());
    if (rules.find(id) === undefined && !rules.rebinds.has(id)) return id;
  }
}
