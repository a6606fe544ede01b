/**
 * Mail for which the policy gave no source waits as after any failure, but for another reason: what
 * may help it is another policy, not time. So it is due at once when one comes into force. The one
 * idea: its rows are marked in the books, and a round of housekeeping finds them, some a turn.
 * Deliberately unknown here: why the policy gave none, and whether it does now.
 */
import { ROW_SOURCELESS } from '../domain/rows.ts';
import type { Core } from './core.ts';
import { PLACE_WAITING } from './held-rows.ts';
import { rebindRow } from './rebinding.ts';
import type { Way } from './rounds.ts';
import { goRound } from './rounds.ts';

/** What a row that is made due weighs against a look at one: a turn makes 256 due at most. */
const HASTEN_LOOKS = 64;

/** Makes all mail due that waits for want of a source; looks at no row where there may be none. */
export function hastenSourceless(core: Core, at: number): void {
  if (!core.house.isAnySourceless) return;
  core.house.isAnySourceless = false;
  goRound(core, hasten(core, at), at);
}

function* hasten(core: Core, begunAt: number): Way {
  let at = begunAt;
  const { rows } = core.books;
  for (let slot = 0; slot < rows.slotsUsed; slot += 1) {
    at = yield;
    if (!rows.isLive(slot) || core.held.placeOf(slot) !== PLACE_WAITING) continue;
    const { flags, dueAt } = rows.columns;
    if (((flags[slot] as number) & ROW_SOURCELESS) === 0 || (dueAt[slot] as number) <= at) continue;
    const queue = core.books.queueOfRow(slot).name;
    rebindRow(core, slot, { queue, due: at, cause: 'a policy came into force', quiet: 1 }, at);
    yield HASTEN_LOOKS;
  }
}
