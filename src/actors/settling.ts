/**
 * What connections report: opened, idle, settled, ended. A settlement becomes outcome events,
 * recipient by recipient; an ended connection that reached nobody costs one waiting row an attempt,
 * as it would have cost the message it was opened for. Opens nothing and chooses nothing.
 */
import type { Reply } from '../domain/reply.ts';
import { formatReply } from '../domain/reply.ts';
import type { Outcome, PeerInfo, Settlement } from './connection/connection.ts';
import type { Ending } from './connection/ending.ts';
import type { Core, Cycle, Offer, ReadyQueue, Session } from './core.ts';
import { describeFailedDials } from './failed-dials.ts';
import { NO_TOKENS, payFare } from './fares.ts';
import { PLACE_READY } from './held-rows.ts';
import { noteSettled } from './inspecting/marks.ts';
import { releaseLease } from './leasing.ts';
import { countClosed, countOutcomes } from './measures.ts';
import { feedStarved } from './opening.ts';
import type { Share } from './outcome.ts';
import { deferRow, deferShare, endShare, unsettleRow, witnessOf } from './outcome.ts';
import { keepRest } from './plan-rest.ts';
import { returnToken } from './rationing.ts';
import {
  addressesOf,
  emitLast,
  leftIndexes,
  messageIdOf,
  movePlace,
  wantStored,
  whereaboutsOf,
} from './rows-in-hand.ts';
import { noteTlsFailures } from './tls-posture.ts';

/** After a connection reached nobody the next waits so much longer for each in a row, ms. */
const RECONNECT_STEP_MS = 100;
const RECONNECT_MS_MAX = 10_000;

/** The connection is up. */
export function linkOpened(core: Core, link: number, peer: PeerInfo, at: number): void {
  const session = core.sessions.get(link);
  if (session === undefined) return;
  session.peer = peer;
  session.meter.since = at;
  noteTlsFailures(core, session, peer.tlsFailures ?? 0, at);
  session.ready.failures = 0;
  session.ready.notBefore = 0;
  session.ready.rest = undefined;
}

/** The connection wants work. */
export function linkIdle(core: Core, link: number): void {
  const session = core.sessions.get(link);
  if (session === undefined || session.offer !== undefined) return;
  if (core.isStopping || session.isStopping) session.connection.stop();
  else session.ready.idle.push(session);
  core.touchedReady.add(session.ready);
}

/** The connection takes no more: another one is to have what waits. */
export function linkParting(core: Core, link: number): void {
  const session = core.sessions.get(link);
  if (session === undefined || session.isParting) return;
  const { ready } = session;
  session.isParting = true;
  ready.parting += 1;
  dropIdle(session);
  core.touchedReady.add(ready);
}

function dropIdle(session: Session): void {
  const { idle } = session.ready;
  const index = idle.indexOf(session);
  if (index >= 0) idle.splice(index, 1);
}

/** MAIL may have been written: what it cost is used up. */
function spendOffer(offer: Offer): void {
  offer.token = undefined;
  offer.fares = NO_TOKENS;
}

/** Takes an offer out of all hands; what it cost is good for another if nothing was tried. */
function closeOffer(core: Core, offer: Offer): void {
  if (offer.token !== undefined) returnToken(core, offer.token);
  for (const fare of offer.fares) payFare(core, offer.slot, fare);
  core.offers.delete(offer.number);
  core.offerOf.delete(offer.slot);
  offer.session.offer = undefined;
  offer.session.ready.offered -= 1;
}

/** The peer's verdicts on an offer. */
export function linkSettled(core: Core, link: number, settlement: Settlement, at: number): void {
  const offer = core.offers.get(settlement.offer);
  if (offer === undefined || offer.session.id !== link) return;
  if (settlement.isTried) spendOffer(offer);
  closeOffer(core, offer);
  const { ready } = offer.session;
  noteSettled(offer.session, settlement, at);
  core.touchedReady.add(ready);
  core.measures.deliverSeconds.observe(settlement.tookMs / 1000);
  const { slot } = offer;
  const witness = witnessOf(offer, Math.round(settlement.tookMs));
  const number = core.books.rows.columns.number[slot];
  const deferred: Outcome[] = [];
  for (const share of shareOut(offer, settlement.outcomes)) {
    countOutcomes(core, ready, slot, share.kind, share.to.length);
    if (share.kind === 'transient') deferred.push(...share.outcomes);
    else {
      const as = share.kind === 'delivered' ? 'message.delivered' : 'message.bounced';
      endShare(core, slot, as, share, witness);
    }
  }
  if (core.books.rows.find(number as number) !== slot) return;
  wantStored(core, slot);
  if (settlement.unknown) {
    const why = deferred[0] === undefined ? 'no answer' : formatReply(deferred[0].reply);
    unsettleRow(core, slot, witness, why, at);
    return;
  }
  const cycle = joinCycle(core, offer, deferred, settlement.again);
  if (cycle.again.length > 0) offerAgain(core, offer, at);
  else {
    core.cycles.delete(slot);
    const { reply, command } = cycle.deferred[0] as Outcome;
    const share = { to: cycle.deferredTo, index: cycle.deferredIndex, reply, command };
    deferShare(core, slot, share, witness, at);
  }
}

interface KindShare extends Share {
  readonly kind: Outcome['kind'];
  readonly outcomes: readonly Outcome[];
}

/** Groups outcomes that are alike, in the order of their first recipient. */
function shareOut(offer: Offer, outcomes: readonly Outcome[]): KindShare[] {
  const groups = new Map<string, { kind: Outcome['kind']; reply: Reply; outcomes: Outcome[] }>();
  for (const outcome of outcomes) {
    const key = `${outcome.kind} ${formatReply(outcome.reply)}`;
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { kind: outcome.kind, reply: outcome.reply, outcomes: [outcome] });
    } else group.outcomes.push(outcome);
  }
  return [...groups.values()].map(({ kind, reply, outcomes: alike }) => ({
    kind,
    reply,
    outcomes: alike,
    command: alike[0]?.command,
    to: alike.map(({ index }) => offer.to[index] as string),
    index: alike.map(({ index }) => offer.index[index] as number),
  }));
}

/** Adds what this offer left over to the message's cycle. */
function joinCycle(
  core: Core,
  offer: Offer,
  deferred: readonly Outcome[],
  again: readonly number[],
): Cycle {
  const cycle = core.cycles.get(offer.slot) ?? {
    deferred: [],
    deferredIndex: [],
    deferredTo: [],
    again: [],
  };
  for (const outcome of deferred) {
    cycle.deferred.push(outcome);
    cycle.deferredIndex.push(offer.index[outcome.index] as number);
    cycle.deferredTo.push(offer.to[outcome.index] as string);
  }
  cycle.again = again.map((at) => offer.index[at] as number);
  core.cycles.set(offer.slot, cycle);
  return cycle;
}

/** Recipients over the batch are offered again at once, ahead of all others. */
function offerAgain(core: Core, offer: Offer, at: number): void {
  const { slot, session } = offer;
  core.turns.emit({ type: 'message.returned', stream: offer.messageId, body: { due: at } });
  // From a suspended source nothing more goes: another one takes the rest.
  if (core.health.isOut(session.ready.source.name)) return core.requeue(slot, at);
  const ticket = movePlace(core, slot, PLACE_READY, session.ready);
  session.ready.rows.unshift(slot, ticket);
}

/** The connection is gone. */
export function linkEnded(core: Core, link: number, ending: Ending, at: number): void {
  const session = core.sessions.get(link);
  if (session === undefined) return;
  const { ready } = session;
  dropSession(core, session);
  core.touchedReady.add(ready);
  noteTlsFailures(core, session, ending.tlsFailures ?? 0, at);
  if (session.offer !== undefined) abandonOffer(core, session.offer, ending.cause, at);
  if (session.isStopping) return;
  // A rate stopped it, not its hosts: no attempt, and the next goes on with the plan.
  if (ending.rest !== undefined) return keepRest(core, ready, ending.rest, at);
  // Nothing tried: it was told not to dial.
  if (ending.connectedOnce || ending.attempts.length === 0) return;
  ready.failures += 1;
  const pauseMs = Math.min(RECONNECT_STEP_MS * ready.failures, RECONNECT_MS_MAX);
  ready.notBefore = Math.max(ready.notBefore, at + pauseMs);
  const text = describeFailedDials(ending.attempts, ready.source);
  deferNext(core, ready, { code: 400, enhanced: '', text }, at, session.uuid);
  if (ready.failures > ready.path.consecutive_connection_failures_before_delay) {
    deferAll(core, ready, at);
  }
}

function deferNext(
  core: Core,
  ready: ReadyQueue,
  reply: Reply,
  at: number,
  session?: string,
): boolean {
  const slot = ready.rows.shift(core.held.isGood);
  if (slot < 0) return false;
  deferRow(core, slot, reply, at, { session });
  return true;
}

/** The consecutive-failure rule: nobody of the site answered so often in a row that all wait. */
function deferAll(core: Core, ready: ReadyQueue, at: number): void {
  const text =
    'bulk delay of ready queue: too many successive connection failures where there was no answer' +
    ' from any hosts listed in MX';
  while (deferNext(core, ready, { code: 451, enhanced: '4.4.1', text }, at)) {}
  ready.failures = 0;
}

/** Forgets a connection. */
export function dropSession(core: Core, session: Session): void {
  const { ready } = session;
  if (core.sessions.delete(session.id)) countClosed(ready);
  ready.sessions.delete(session);
  releaseLease(core, session.held);
  if (session.isParting) ready.parting -= 1;
  dropIdle(session);
  feedStarved(core);
}

/** An offer ends without the connection's word: unknown if the dot may be out, else taken back. */
export function abandonOffer(core: Core, offer: Offer, why: string, at: number): void {
  if (offer.isGiven) spendOffer(offer);
  closeOffer(core, offer);
  const { slot, messageId } = offer;
  if (offer.isReleased) {
    countOutcomes(core, offer.session.ready, slot, 'transient', offer.to.length);
    unsettleRow(core, slot, witnessOf(offer, 0), why, at);
    return;
  }
  core.turns.emit({ type: 'message.returned', stream: messageId, body: { due: at } });
  wantStored(core, slot);
  core.requeue(slot, at);
}

/** The connection makes no progress, or its message must go: it is cut and its offer ended. */
export function cutSession(core: Core, session: Session, why: string, at: number): void {
  const { offer, ready } = session;
  dropSession(core, session);
  session.connection.abort(why);
  core.touchedReady.add(ready);
  if (offer !== undefined) abandonOffer(core, offer, why, at);
}

/** An operator removes a message; false while a connection has it. */
export function cancelRow(core: Core, slot: number, why: string): boolean {
  if (core.offerOf.has(slot)) return false;
  const index = leftIndexes(core, slot);
  const to = addressesOf(core.held.find(slot), index);
  emitLast(core, slot, {
    type: 'message.cancelled',
    stream: messageIdOf(core, slot),
    body: { to, index, text: why, ...whereaboutsOf(core, slot) },
  });
  return true;
}
