/**
 * Rates that the policy names for a message on its way into a ready queue. One that is over its
 * rate waits for the throttle's own delay and no attempt is counted. Chooses no source.
 */
import type { NamedRate } from '../domain/throttle.ts';
import { intervalMs, rateKey, slowestFirst } from '../domain/throttle.ts';
import type { Taken } from '../ports/quotas.ts';
import type { Core, HeldQueue } from './core.ts';
import { payFare } from './fares.ts';
import { PLACE_WAITING } from './held-rows.ts';
import type { Token } from './rationing.ts';
import { askRequeue, queueAfter, rebindRow, viewOf } from './rebinding.ts';
import { expiresAtOf, movePlace } from './rows-in-hand.ts';

/** Who waits longer than this is not kept warm meanwhile, ms. */
const COOL_MS = 5_000;
const RESPONSE = 'throttled by throttle_insert_ready_queue';
const CONTEXT = 'ThrottledByThrottleInsertReadyQueue';

/** Passed: may be made ready. Gone: it waits, or is in another queue. Asking: not known yet. */
export function passRates(
  core: Core,
  queue: HeldQueue,
  slot: number,
  at: number,
): 'passed' | 'gone' | 'asking' {
  if (!core.answers.hears('throttle_insert_ready_queue')) return 'passed';
  const rates = slowestFirst(core.answers.messages.throttles(viewOf(core, slot)));
  if (rates.length === 0) return 'passed';
  const ticket = core.held.ticketOf(slot);
  let taken: Taken | undefined;
  let isNow = true;
  core.ports.quotas.take(rates, 1, (answer) => {
    if (isNow) taken = answer;
    else {
      const run = (later: number): void => hear(core, queue, slot, ticket, rates, answer, later);
      core.turns.push({ kind: 'run', run });
    }
  });
  isNow = false;
  if (taken === undefined) {
    queue.shaping.isPassing = true;
    return 'asking';
  }
  if (taken.granted > 0) {
    payFare(core, slot, tokenOf(rates, taken));
    return 'passed';
  }
  turnAway(core, slot, rates, taken, at);
  return 'gone';
}

const tokenOf = (rates: readonly NamedRate[], { at }: Taken): Token => ({
  rates,
  keys: rates.map(rateKey),
  at,
  isHeld: false,
});

/** The head of the due rows has passed its rates: it need not ask again while it stays there. */
export function notePassed(core: Core, queue: HeldQueue, slot: number): void {
  queue.passed = slot;
  queue.passedTicket = core.held.ticketOf(slot);
}

function hear(
  core: Core,
  queue: HeldQueue,
  slot: number,
  ticket: number,
  rates: readonly NamedRate[],
  taken: Taken,
  at: number,
): void {
  queue.shaping.isPassing = false;
  core.touchedQueues.add(queue);
  const isHere = core.held.isGood(slot, ticket);
  if (isHere && taken.granted > 0) {
    payFare(core, slot, tokenOf(rates, taken));
    notePassed(core, queue, slot);
  } else if (isHere) turnAway(core, slot, rates, taken, at);
  else core.ports.quotas.giveBack(rates, taken.granted, taken.at);
}

/** It waits until its place in the rate's time, unless the policy sends it elsewhere. */
function turnAway(
  core: Core,
  slot: number,
  rates: readonly NamedRate[],
  { waitMs, binding }: Taken,
  at: number,
): void {
  const name = core.books.queueOfRow(slot).name;
  core.tallies.throttled += 1;
  core.delays.insertThrottle.add(name);
  movePlace(core, slot, PLACE_WAITING);
  const rate = rates.find((one) => one.name === binding) ?? (rates[0] as NamedRate);
  const backAt = core.turnedAway.place(rateKey(rate), intervalMs(rate.spec), at + waitMs);
  if (backAt - at > COOL_MS) core.held.cool(slot);
  const about = {
    response: RESPONSE,
    context: CONTEXT,
    isAttempt: false,
    delayMs: backAt - at,
  };
  const move = askRequeue(core, slot, about);
  const queue = move === undefined ? name : queueAfter(name, move);
  const dueAt = move?.delayMs === undefined ? backAt : at + move.delayMs;
  if (queue !== name) {
    rebindRow(core, slot, { queue, due: at + (move?.delayMs ?? 0), cause: RESPONSE }, at);
  } else core.wheel.set(slot, Math.min(dueAt, expiresAtOf(core, slot)));
}
