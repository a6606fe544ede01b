/**
 * Rates that the policy names for a message on its way into a ready queue. One that is over its
 * rate waits for the throttle's own delay and no attempt is counted; nothing is written, for a new
 * process counts anew. Chooses no source.
 */
import type { Core } from './core.ts';
import { PLACE_WAITING } from './held-rows.ts';
import { askRequeue, queueAfter, rebindRow, viewOf } from './rebinding.ts';
import { expiresAtOf, movePlace } from './rows-in-hand.ts';

/** Who waits longer than this is not kept warm meanwhile, ms. */
const COOL_MS = 5_000;
const RESPONSE = 'throttled by throttle_insert_ready_queue';
const CONTEXT = 'ThrottledByThrottleInsertReadyQueue';

/** True when the row may be made ready; else it waits, or has gone to another queue. */
export function passRates(core: Core, slot: number, at: number): boolean {
  if (!core.answers.hears('throttle_insert_ready_queue')) return true;
  const rates = core.answers.messages.throttles(viewOf(core, slot));
  const waitMs = rates.length === 0 ? 0 : core.throttles.pass(rates, at);
  if (waitMs === 0) return true;
  core.tallies.throttled += 1;
  movePlace(core, slot, PLACE_WAITING);
  if (waitMs > COOL_MS) core.held.cool(slot);
  const about = { response: RESPONSE, context: CONTEXT, isAttempt: false, delayMs: waitMs };
  const move = askRequeue(core, slot, about);
  const name = core.books.queueOfRow(slot).name;
  const queue = move === undefined ? name : queueAfter(name, move);
  if (queue !== name) {
    rebindRow(core, slot, { queue, due: at + (move?.delayMs ?? 0), cause: RESPONSE }, at);
    return false;
  }
  core.wheel.set(slot, Math.min(at + (move?.delayMs ?? waitMs), expiresAtOf(core, slot)));
  return false;
}
