/**
 * Ready queues meet connections: rows are handed to idle connections, connections are planned and
 * opened up to the target, and cold rows are read back ahead of their turn. Once a turn per touched
 * ready queue. Chooses no source and judges no reply.
 */
import type { PlanAnswer } from '../domain/mx-plan.ts';
import { buildPlan } from '../domain/mx-plan.ts';
import { ROW_EIGHT_BIT, ROW_SMTP_UTF8 } from '../domain/rows.ts';
import { targetSessions } from '../domain/sessions.ts';
import { isFault } from '../ports/ports.ts';
import { bodyRefOf } from './compacting.ts';
import { openConnection } from './connection/connection.ts';
import type { Core, Offer, ReadyQueue, Session } from './core.ts';
import { PLACE_OFFERED, PLACE_READY } from './held-rows.ts';
import { wakeWaiting } from './matching.ts';
import { bounceRow, deferRow } from './outcome.ts';
import { refreshReadyQueue } from './ready-queue.ts';
import { leftIndexes, messageIdOf, movePlace, needEnvelope } from './rows-in-hand.ts';

/** Serves a ready queue: hands out, asks for more, opens connections. */
export function serveReadyQueue(core: Core, ready: ReadyQueue, at: number): void {
  if (core.isStopping) return;
  refreshReadyQueue(core, ready, at);
  while (ready.idle.length > 0 && ready.size > 0) {
    const session = ready.idle.pop() as Session;
    if (session.offer !== undefined || !core.sessions.has(session.id)) continue;
    if (!offerNext(core, ready, session, at)) {
      ready.idle.push(session);
      break;
    }
  }
  if (ready.waiting.size > 0 && ready.size * 2 <= ready.path.max_ready) wakeWaiting(core, ready);
  openSessions(core, ready, at);
}

function openSessions(core: Core, ready: ReadyQueue, at: number): void {
  const limit = ready.path.connection_limit.limit;
  const present = ready.sessions.size + ready.planning;
  const busy = ready.sessions.size - ready.idle.length;
  // Rows in the hands of connections count too: the target is for the work, not for the rest.
  const target = targetSessions(limit, ready.size + busy);
  let room = Math.min(target - present, core.limits.connectionsMax - core.sessions.size);
  if (room <= 0 || ready.size === 0) return;
  if (at < ready.notBefore) {
    core.alarms.set(`serve ${ready.name}`, ready.notBefore);
    return;
  }
  for (; room > 0; room -= 1) planSession(core, ready);
}

function planSession(core: Core, ready: ReadyQueue): void {
  ready.planning += 1;
  buildPlan(
    core.ports.resolver,
    ready.site,
    ready.path,
    ready.source,
    () => core.ports.random.uniform(),
    (answer) => core.turns.push({ kind: 'planned', ready, answer }),
  );
}

/** A plan is there: a connection is opened along it, or the whole ready queue is settled. */
export function sessionPlanned(
  core: Core,
  ready: ReadyQueue,
  answer: PlanAnswer,
  at: number,
): void {
  ready.planning -= 1;
  core.touchedReady.add(ready);
  if (answer.kind !== 'plan') {
    for (;;) {
      const slot = ready.rows.shift(core.held.isGood);
      if (slot < 0) return;
      if (answer.kind === 'bounced') bounceRow(core, slot, answer.reply);
      else deferRow(core, slot, answer.reply, at);
    }
  }
  if (core.isStopping || ready.size === 0) return;
  const link = core.nextLink;
  core.nextLink += 1;
  const connection = openConnection(core.ports.network, core.connectionHost, {
    id: link,
    plan: answer.candidates,
    path: ready.path,
    source: ready.source,
    ehloName: core.ehloName,
  });
  const session: Session = {
    id: link,
    ready,
    connection,
    peer: undefined,
    offer: undefined,
    givenAt: 0,
    isStopping: false,
  };
  core.sessions.set(link, session);
  ready.sessions.add(session);
}

/** Hands the next row to a connection; false when there is none that is warm. */
function offerNext(core: Core, ready: ReadyQueue, session: Session, at: number): boolean {
  const slot = ready.rows.shift(core.held.isGood);
  if (slot < 0) return false;
  const envelope = needEnvelope(core, slot, 'ready');
  if (envelope === undefined) {
    ready.rows.unshift(slot, core.held.ticketOf(slot));
    const ahead = ready.rows.peek(core.limits.drawRowsMax, core.held.isGood);
    for (const next of ahead) needEnvelope(core, next, 'ready');
    return false;
  }
  const c = core.books.rows.columns;
  const flags = c.flags[slot] as number;
  const again = core.cycles.get(slot)?.again;
  const index = again ?? leftIndexes(core, slot);
  const offer: Offer = {
    number: core.nextOffer,
    slot,
    messageId: messageIdOf(core, slot),
    session,
    attempt: (c.attempts[slot] as number) + 1,
    to: index.map((at) => envelope.to[at] as string),
    index,
    body: envelope.body,
    isDurable: false,
    isReleased: false,
  };
  core.nextOffer += 1;
  movePlace(core, slot, PLACE_OFFERED);
  core.offers.set(offer.number, offer);
  core.offerOf.set(slot, offer);
  session.offer = offer;
  session.givenAt = at;
  emitOffered(core, offer, again !== undefined);
  fetchBody(core, offer);
  // MAIL and RCPT promise nothing: they go while the commit is under way. The dot waits for it.
  session.connection.give({
    offer: offer.number,
    from: envelope.from,
    to: offer.to,
    bodyBytes: c.bodyBytes[slot] as number,
    eightBit: (flags & ROW_EIGHT_BIT) !== 0,
    smtpUtf8: (flags & ROW_SMTP_UTF8) !== 0,
  });
  return true;
}

function emitOffered(core: Core, offer: Offer, isPart: boolean): void {
  const { ready, peer, id } = offer.session;
  core.turns.emit({
    type: 'message.offered',
    stream: offer.messageId,
    body: {
      attempt: offer.attempt,
      source: ready.source.name,
      site: ready.site.site,
      peer: peer === undefined ? '' : `${peer.name} ${peer.address}:${peer.port}`,
      link: id,
      ...(isPart ? { index: offer.index } : {}),
    },
  });
  core.turns.promise(() => {
    offer.isDurable = true;
    releaseBody(core, offer);
  });
}

function fetchBody(core: Core, offer: Offer): void {
  if (offer.body !== undefined) return;
  core.ports.bodies.read(bodyRefOf(core, offer.slot), (outcome) => {
    if (isFault(outcome)) core.turns.push({ kind: 'bodyRead', offer: offer.number, outcome });
    else {
      offer.body = [outcome];
      releaseBody(core, offer);
    }
  });
}

/** Lets body and final dot go once the offer is durable and the body is there. */
function releaseBody(core: Core, offer: Offer): void {
  if (!offer.isDurable || offer.body === undefined || offer.isReleased) return;
  if (core.offers.get(offer.number) !== offer) return;
  offer.isReleased = true;
  offer.session.connection.release(offer.number, offer.body);
}

/** Takes every row out of a ready queue and puts it back to be placed anew. */
export function withdrawRows(core: Core, ready: ReadyQueue, back: (slot: number) => void): void {
  for (;;) {
    const slot = ready.rows.shift(core.held.isGood);
    if (slot < 0) return;
    if (core.held.placeOf(slot) === PLACE_READY) back(slot);
  }
}
