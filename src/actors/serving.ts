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
import { turnAway } from './admin/suspending.ts';
import { bodyRefOf } from './compacting.ts';
import { openConnection } from './connection/connection.ts';
import type { Core, Offer, ReadyQueue, Session } from './core.ts';
import { PLACE_OFFERED, PLACE_READY } from './held-rows.ts';
import { wakeWaiting } from './matching.ts';
import { bounceRow, deferRow } from './outcome.ts';
import { keepCurrent } from './queue/configuring.ts';
import { refreshReadyQueue } from './ready-queue.ts';
import { leftIndexes, messageIdOf, movePlace, needEnvelope } from './rows-in-hand.ts';
import { tlsPartsOf } from './tls-posture.ts';

/** The alarm that looks at connection deadlines; it rings while there are connections. */
export const ALARM_TICK = 'tick';

/** Serves a ready queue: hands out, asks for more, opens connections. */
export function serveReadyQueue(core: Core, ready: ReadyQueue, at: number): void {
  if (core.isStopping || standDown(core, ready, at)) return;
  refreshReadyQueue(core, ready, at);
  while (ready.idle.length > 0 && ready.size > 0) {
    const session = ready.idle.pop() as Session;
    if (session.offer !== undefined || session.isStopping) continue;
    if (!core.sessions.has(session.id)) continue;
    if (!offerNext(core, ready, session, at)) {
      ready.idle.push(session);
      break;
    }
  }
  if (ready.waiting.size > 0 && ready.size * 2 <= ready.path.max_ready) wakeWaiting(core, ready);
  openSessions(core, ready, at);
}

/** An operator suspended it: rows go back to choose anew, connections end after their work. */
function standDown(core: Core, ready: ReadyQueue, at: number): boolean {
  if (core.rules.findReady(ready.name) === undefined) return false;
  withdrawRows(core, ready, (slot) => core.requeue(slot, at));
  for (const session of ready.sessions) {
    if (session.isStopping) continue;
    session.isStopping = true;
    session.connection.stop();
  }
  ready.idle.length = 0;
  // Who waited for room here may find it elsewhere, or rests.
  wakeWaiting(core, ready);
  return true;
}

function openSessions(core: Core, ready: ReadyQueue, at: number): void {
  const limit = ready.path.connection_limit.limit;
  const present = ready.sessions.size + ready.planning;
  const busy = ready.sessions.size - ready.idle.length;
  // Rows in the hands of connections count too: the target is for the work, not for the rest.
  const target = targetSessions(limit, ready.size + busy);
  const wanted = target - present;
  if (wanted <= 0 || ready.size === 0) return;
  let room = Math.min(wanted, core.limits.connectionsMax - core.sessions.size - core.planning);
  // Whoever finds the engine's connections used up is looked at again when one ends.
  if (room < wanted) core.starved.add(ready);
  if (room <= 0) return;
  if (at < ready.notBefore) {
    core.alarms.set(`serve ${ready.name}`, ready.notBefore);
    return;
  }
  for (; room > 0; room -= 1) planSession(core, ready);
}

function planSession(core: Core, ready: ReadyQueue): void {
  ready.planning += 1;
  core.planning += 1;
  const { revision } = ready;
  buildPlan(
    core.ports.resolver,
    ready.site,
    ready.path,
    ready.source,
    () => core.ports.random.uniform(),
    (answer) => core.turns.push({ kind: 'planned', ready, revision, answer }),
    (address, port) => core.ownPlaces.has(`${address}:${port}`),
  );
}

/** A plan is there: a connection is opened along it, or the whole ready queue is settled. */
export function sessionPlanned(
  core: Core,
  { ready, revision, answer }: { ready: ReadyQueue; revision: number; answer: PlanAnswer },
  at: number,
): void {
  ready.planning -= 1;
  core.planning -= 1;
  core.touchedReady.add(ready);
  refreshReadyQueue(core, ready, at);
  // Made for a source or a path that has changed meanwhile: it is planned anew.
  if (revision !== ready.revision) return feedStarved(core);
  for (const { name, fault } of answer.skipped) {
    core.log('warn', `${ready.name}: host ${name} is left out: ${fault.cause}`);
  }
  if (answer.kind !== 'plan') {
    for (;;) {
      const slot = ready.rows.shift(core.held.isGood);
      if (slot < 0) return feedStarved(core);
      if (answer.kind === 'bounced') bounceRow(core, slot, answer.reply);
      else deferRow(core, slot, answer.reply, at);
    }
  }
  if (core.isStopping || ready.size === 0) return feedStarved(core);
  const link = core.nextLink;
  core.nextLink += 1;
  const connection = openConnection(core.ports.network, core.connectionHost, {
    id: link,
    plan: answer.candidates,
    path: ready.path,
    source: ready.source,
    ehloName: ready.path.ehlo_domain ?? ready.source.ehlo_domain ?? core.ehloName,
    ...tlsPartsOf(core, ready, at),
    ...loginOf(core, ready),
  });
  const session: Session = {
    id: link,
    ready,
    connection,
    peer: undefined,
    offer: undefined,
    givenAt: 0,
    isStopping: false,
    tlsFailures: 0,
  };
  core.sessions.set(link, session);
  ready.sessions.add(session);
  if (core.alarms.dueAt(ALARM_TICK) === undefined) {
    core.alarms.set(ALARM_TICK, at + core.limits.tickMs);
  }
}

/** A place among the engine's connections is free: those who found none are looked at. */
export function feedStarved(core: Core): void {
  for (const ready of core.starved) core.touchedReady.add(ready);
  core.starved.clear();
}

function loginOf(core: Core, ready: ReadyQueue) {
  const { smtp_auth_plain_password: auth } = ready.path;
  const { socks5_proxy_password: proxy } = ready.source;
  const authPassword = auth === undefined ? undefined : core.readSecret(auth);
  const proxyPassword = proxy === undefined ? undefined : core.readSecret(proxy);
  return {
    ...(authPassword === undefined ? {} : { authPassword }),
    ...(proxyPassword === undefined ? {} : { proxyPassword }),
  };
}

/** The next row that still belongs here once its queue is up to date. */
function shiftCurrent(core: Core, ready: ReadyQueue, at: number): number {
  for (;;) {
    const slot = ready.rows.shift(core.held.isGood);
    if (slot < 0) return slot;
    const ticket = core.held.ticketOf(slot);
    keepCurrent(core, core.books.queueOfRow(slot), at);
    if (core.held.isGood(slot, ticket) && !turnAway(core, slot, at)) return slot;
  }
}

/** Hands the next row to a connection; false when there is none that is warm. */
function offerNext(core: Core, ready: ReadyQueue, session: Session, at: number): boolean {
  const slot = shiftCurrent(core, ready, at);
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
