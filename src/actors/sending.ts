/**
 * Rates of a path where they bind: a message is given to an idle connection only with a token, a
 * link is dialled only with another. Where the wait is longer than a connection stays idle, all
 * rows but one go back to their queues meanwhile and no connection is opened for them.
 * Deliberately unknown here: how messages are handed over.
 */
import type { Core, ReadyQueue, Session } from './core.ts';
import { PLACE_WAITING } from './held-rows.ts';
import type { Token } from './rationing.ts';
import { askTokens, returnToken, spanOf, spendToken, whenRecorded } from './rationing.ts';
import { expiresAtOf, movePlace } from './rows-in-hand.ts';

/** The longest that the first of a line may take to get a connection, ms. */
const GRACE_MS_MAX = 5_000;
/** Who waits longer than this is not kept warm meanwhile, ms. */
const COOL_MS = 5_000;

/** True when one more message may be given; `wanted` could be given at once. */
export function maySend(core: Core, ready: ReadyQueue, wanted: number, at: number): boolean {
  const { shaping } = ready;
  if (shaping.sending.rates.length === 0) return true;
  const word = askTokens(core, shaping.sending, shaping.sender, wanted, at);
  if (word === 'had') return true;
  if (word !== 'asking') core.lines.stand(shaping.sender, word);
  return false;
}

/** The token of the message that was given; undefined where no rate is told. */
export function spendSend({ shaping }: ReadyQueue): Token | undefined {
  return shaping.sending.rates.length === 0 ? undefined : spendToken(shaping.sending);
}

/** Connections that hold a message for the next host go before all others. */
export function resend(core: Core, ready: ReadyQueue, at: number): void {
  const { resending } = ready.shaping;
  while (resending.length > 0) {
    const session = resending[0] as Session;
    const { offer } = session;
    if (core.sessions.get(session.id) === session && offer !== undefined) {
      if (!maySend(core, ready, resending.length, at)) return;
      const token = spendSend(ready);
      whenRecorded(core, () => {
        if (!session.connection.resume() && token !== undefined) returnToken(core, token);
      });
    }
    resending.shift();
  }
}

/** After all that could be given was: who waits for what it cannot use lets others go first. */
export function restSender(core: Core, ready: ReadyQueue, at: number): void {
  const { sender, sending, resending } = ready.shaping;
  if (sender.line === undefined) return;
  if (resending.length > 0) return;
  if (ready.size === 0) core.lines.leave(sender);
  else if (ready.idle.length === 0) {
    const graceMs = Math.min(GRACE_MS_MAX, spanOf(sending, sender.line));
    core.lines.linger(sender, graceMs, at);
  }
}

/** How long it is until a message may be given at the earliest, as far as is known. */
export function sendWaitMs(core: Core, ready: ReadyQueue, at: number): number {
  const until = core.lines.untilOf(ready.shaping.sender);
  return until === undefined ? 0 : Math.max(0, until - at);
}

/** True where connections would be gone before they have anything to do. */
export const isWaitLong = (core: Core, ready: ReadyQueue, at: number): boolean =>
  sendWaitMs(core, ready, at) >= ready.path.idle_timeout;

/** A long wait: all rows but the first go back to their queues until it is over; no attempt. */
export function requeueRows(core: Core, ready: ReadyQueue, at: number): void {
  if (ready.size <= 1 || !isWaitLong(core, ready, at)) return;
  const until = at + sendWaitMs(core, ready, at);
  while (ready.size > 1) {
    const slot = ready.rows.pop(core.held.isGood);
    if (slot < 0) return;
    core.delays.messageRate.add(core.books.queueOfRow(slot).name);
    movePlace(core, slot, PLACE_WAITING);
    if (until - at > COOL_MS) core.held.cool(slot);
    core.wheel.set(slot, Math.min(until, expiresAtOf(core, slot)));
  }
}

/** A connection wants to dial. */
export function linkWantsDial(core: Core, link: number): void {
  const session = core.sessions.get(link);
  if (session === undefined) return;
  session.ready.shaping.dialers.push(session);
  core.touchedReady.add(session.ready);
}

/** A connection wants to give its message to the next host. */
export function linkWantsResend(core: Core, link: number): void {
  const session = core.sessions.get(link);
  if (session === undefined) return;
  session.ready.shaping.resending.push(session);
  core.touchedReady.add(session.ready);
}

/** Lets connections dial that have asked to; those that would wait long end without it. */
export function letDial(core: Core, ready: ReadyQueue, at: number): void {
  const { shaping } = ready;
  const { dialer, dialers } = shaping;
  while (dialers.length > 0) {
    const session = dialers[0] as Session;
    if (core.sessions.get(session.id) === session) {
      const word = askTokens(core, shaping.dialing, dialer, dialers.length, at);
      if (word === 'asking') return;
      if (word !== 'had') {
        core.lines.stand(dialer, word);
        if (word.until - at >= ready.path.idle_timeout) endDialers(core, ready);
        return;
      }
      const token = shaping.dialing.rates.length === 0 ? undefined : spendToken(shaping.dialing);
      whenRecorded(core, () => {
        // A rule may have put the source out meanwhile.
        const mayGo = !core.health.isOut(ready.source.name);
        const isUsed = session.connection.letDial(mayGo);
        if (!isUsed && token !== undefined) returnToken(core, token);
      });
    }
    dialers.shift();
  }
  // Nobody is there to dial: the line is kept until it is this one's turn.
  if (!core.lines.isWaiting(dialer, at)) core.lines.leave(dialer);
}

function endDialers(core: Core, { shaping }: ReadyQueue): void {
  for (const session of shaping.dialers.splice(0)) {
    if (core.sessions.get(session.id) === session) session.connection.letDial(false);
  }
}

/** How many more connections may be planned, out of `room`: one by one where dials have a rate. */
export function dialRoom({ shaping, planning }: ReadyQueue, room: number): number {
  if (shaping.dialing.rates.length === 0) return room;
  const isOnePending = shaping.dialers.length > 0 || planning > 0;
  return isOnePending || shaping.dialer.line !== undefined ? 0 : Math.min(room, 1);
}
