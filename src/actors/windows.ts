/**
 * The hours in which messages may go out, at work: a due time is moved to the next opening, and a
 * message that waits where it could be handed out when its window shuts is put back to wait, with
 * the time of the next opening on record. It does not know zones and days (domain/time-window.ts).
 */
import type { Core } from './core.ts';
import { PLACE_DUE, PLACE_READY, PLACE_WAITING } from './held-rows.ts';
import { expiresAtOf, messageIdOf, originOf, waitForDue } from './rows-in-hand.ts';

const windowOf = (core: Core, slot: number) => core.books.rows.schedules.get(slot)?.window;

/** `due`, or the opening after it of the row's window. */
export function dueWithin(core: Core, slot: number, due: number): number {
  const window = windowOf(core, slot);
  return window === undefined ? due : core.calendar.opens(window, due);
}

/**
 * Puts a row whose window is shut back to wait for the next opening; false where it is open. What
 * an attempt had still to do when it was broken off is done with the next one.
 */
export function postponeShut(core: Core, slot: number, at: number): boolean {
  const due = dueWithin(core, slot, at);
  if (due <= at) return false;
  core.turns.emit({
    type: 'message.postponed',
    stream: messageIdOf(core, slot),
    body: { ...originOf(core, slot), due },
  });
  core.cycles.delete(slot);
  core.held.cool(slot);
  waitForDue(core, slot);
  return true;
}

/** Sets the wheel for a row in any hands: for its expiry, and while it can still go, the end. */
export function watchRow(core: Core, slot: number, at: number): void {
  const expiresAt = expiresAtOf(core, slot);
  const window = windowOf(core, slot);
  const place = core.held.placeOf(slot);
  const mayGo = place === PLACE_DUE || place === PLACE_READY;
  const isWatched = window !== undefined && mayGo && core.calendar.isOpen(window, at);
  const closesAt = isWatched ? core.calendar.closes(window, at) : expiresAt;
  core.wheel.set(slot, Math.min(closesAt, expiresAt));
}

/** Its window has shut over a row that nobody has in hand. */
export function shutOver(core: Core, slot: number, at: number): boolean {
  const place = core.held.placeOf(slot);
  const isHere = place === PLACE_WAITING || place === PLACE_DUE || place === PLACE_READY;
  return isHere && postponeShut(core, slot, at);
}
