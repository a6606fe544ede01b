/**
 * Coming to an end: connections finish what they have in hand and no new ones are opened, bodies in
 * memory are written, and when nothing is left to wait for, or the time given is over, the engine
 * ends. Deliberately unknown here: who wanted it, and what comes after.
 */
import type { Core } from './core.ts';
import { abandonOffer, cutSession } from './settling.ts';
import { giveUpStoring, isSpoolQuiet, storeAll } from './spooling.ts';

/** Lets connections finish what they have in hand, and opens no more. */
export function beginStop(core: Core, at: number): void {
  core.isStopping = true;
  core.stoppedAt = at;
  storeAll(core);
  for (const session of core.sessions.values()) {
    session.isStopping = true;
    session.connection.stop();
  }
}

/** Cuts what is still open when the time given for stopping is over. */
export function cutAll(core: Core, at: number): void {
  giveUpStoring(core);
  for (const session of [...core.sessions.values()]) {
    cutSession(core, session, 'the service was stopped', at);
  }
  for (const offer of [...core.offers.values()]) abandonOffer(core, offer, 'stopped', at);
}

/** At the end of a turn: ends the engine, once it is to end and nothing is in anybody's hands. */
export function endWhenQuiet(core: Core, at: number): void {
  if (core.whenQuiet === undefined) return;
  if (core.sessions.size > 0 || core.offers.size > 0 || !core.turns.isIdle) return;
  if (!isSpoolQuiet(core)) return;
  const end = core.whenQuiet;
  core.whenQuiet = undefined;
  end(at);
}
