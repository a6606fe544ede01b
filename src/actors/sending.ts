/**
 * Rates of a path where they bind: a message is given to an idle connection only with a token, a
 * link is dialled only with another. What becomes of messages that would wait long is in
 * slow-rates.ts. Deliberately unknown here: how messages are handed over.
 */
import type { Core, ReadyQueue, Session } from './core.ts';
import type { Token } from './rationing.ts';
import { askTokens, returnToken, spanOf, spendToken, whenRecorded } from './rationing.ts';

/** The longest that the first of a line may take to begin a connection, ms. */
const GRACE_MS_MAX = 5_000;
/** The same to get one that has begun: else hosts that greet late would never have any, ms. */
const LATE_GREETING_MS_MAX = 60_000;

/** True when one more message may be given; `wanted` could be given at once. */
export function maySend(core: Core, ready: ReadyQueue, wanted: number, at: number): boolean {
  const { shaping } = ready;
  if (shaping.sending.rates.length === 0) return true;
  const word = askTokens(core, shaping.sending, shaping.sender, wanted, at);
  if (word === 'had') return true;
  if (word !== 'asking') {
    core.lines.stand(shaping.sender, word);
    shaping.spentInRow = 0;
  }
  return false;
}

/** The token of the message that was given; undefined where no rate is told. */
export function spendSend({ shaping }: ReadyQueue): Token | undefined {
  if (shaping.sending.rates.length === 0) return undefined;
  shaping.spentInRow += 1;
  if (shaping.spentInRow > 1) shaping.isSlow = false;
  return spendToken(shaping.sending);
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
      whenRecorded(core, token, () => {
        if (!session.connection.resume() && token !== undefined) returnToken(core, token);
      });
    }
    resending.shift();
  }
}

/** After all that could be given was: who waits for what it cannot use lets others go first. */
export function restSender(core: Core, ready: ReadyQueue, at: number): void {
  const { sender, sending, resending, called } = ready.shaping;
  if (sender.line === undefined) return;
  if (resending.length > 0) return;
  const isWanted = ready.size > 0 || ready.waiting.size > 0 || called !== undefined;
  // Rows that went back for a long wait have not found their way to the waiting queues yet.
  if (!isWanted && !isWaitLong(core, ready, at)) core.lines.leave(sender);
  else if (ready.idle.length === 0) {
    const graceMs = isConnecting(ready) ? LATE_GREETING_MS_MAX : GRACE_MS_MAX;
    core.lines.linger(sender, Math.min(graceMs, spanOf(sending, sender.line)), at);
  }
}

const isConnecting = ({ planning, sessions }: ReadyQueue): boolean =>
  planning > 0 || [...sessions].some(({ peer, isStopping }) => peer === undefined && !isStopping);

/** True where connections would be gone before a message may be given. */
export function isWaitLong(core: Core, { shaping, path }: ReadyQueue, at: number): boolean {
  const until = core.lines.untilOf(shaping.sender);
  return until !== undefined && until - at >= path.idle_timeout;
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
      whenRecorded(core, token, () => {
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
