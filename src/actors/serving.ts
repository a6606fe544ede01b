/**
 * Ready queues meet connections: rows are handed to idle connections, and cold rows are read back
 * ahead of their turn. Once a turn per touched ready queue. How connections come to be is in
 * opening.ts. Chooses no source and judges no reply.
 */
import { parseQueueName } from '../domain/queue-name.ts';
import { ROW_EIGHT_BIT, ROW_SMTP_UTF8 } from '../domain/rows.ts';
import { isFault } from '../ports/ports.ts';
import { turnAway } from './admin/suspending.ts';
import { bodyRefOf } from './compacting.ts';
import type { Transaction } from './connection/connection.ts';
import type { Core, Offer, ReadyQueue, Session } from './core.ts';
import { takeFares } from './fares.ts';
import { PLACE_OFFERED, PLACE_READY } from './held-rows.ts';
import { noteMarks } from './inspecting/marks.ts';
import { renewLease } from './leasing.ts';
import { wakeWaiting } from './matching.ts';
import { openSessions } from './opening.ts';
import { poolOf } from './outcome.ts';
import { keepCurrent } from './queue/configuring.ts';
import { whenRecorded } from './rationing.ts';
import { refreshReadyQueue } from './ready-queue.ts';
import { callInTurn } from './room-turns.ts';
import { leftIndexes, messageIdOf, movePlace, needEnvelope } from './rows-in-hand.ts';
import { letDial, maySend, resend, restSender, spendSend } from './sending.ts';
import { releaseReady } from './shaping.ts';
import { callWaiting, mayOpen, yieldRows } from './slow-rates.ts';
import { postponeShut } from './windows.ts';

/** Serves a ready queue: hands out, asks for more, opens connections. */
export function serveReadyQueue(core: Core, ready: ReadyQueue, at: number): void {
  if (core.isStopping || standDown(core, ready, at)) return;
  refreshReadyQueue(core, ready, at);
  letDial(core, ready, at);
  resend(core, ready, at);
  while (ready.idle.length > 0 && ready.size > 0) {
    if (!isHeadWarm(core, ready)) break;
    if (!maySend(core, ready, Math.min(ready.idle.length, ready.size), at)) break;
    const session = ready.idle.pop() as Session;
    if (session.offer !== undefined || session.isStopping) continue;
    if (!core.sessions.has(session.id)) continue;
    if (!offerNext(core, ready, session, at)) {
      ready.idle.push(session);
      break;
    }
  }
  const isOpening = mayOpen(core, ready, at);
  yieldRows(core, ready, at);
  restSender(core, ready, at);
  if (ready.shaping.isSlow) callWaiting(core, ready, at);
  else callInTurn(core, ready);
  if (isOpening || ready.size === 0) openSessions(core, ready, at);
  noteMarks(ready, at);
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
  releaseReady(core, ready);
  // Who waited for room here may find it elsewhere, or rests.
  wakeWaiting(core, ready);
  return true;
}

/** The next row that still belongs here once its queue is up to date. */
function shiftCurrent(core: Core, ready: ReadyQueue, at: number): number {
  for (;;) {
    const slot = ready.rows.shift(core.held.isGood);
    if (slot < 0) return slot;
    const ticket = core.held.ticketOf(slot);
    keepCurrent(core, core.books.queueOfRow(slot), at);
    if (!core.held.isGood(slot, ticket) || turnAway(core, slot, at)) continue;
    if (!postponeShut(core, slot, at)) return slot;
  }
}

function warmAhead(core: Core, ready: ReadyQueue): void {
  const ahead = ready.rows.peek(core.limits.drawRowsMax, core.held.isGood);
  for (const next of ahead) needEnvelope(core, next, 'ready');
}

/** Where messages have a rate no token is taken for one that has to be read back first. */
function isHeadWarm(core: Core, ready: ReadyQueue): boolean {
  if (ready.shaping.sending.rates.length === 0) return true;
  const [head] = ready.rows.peek(1, core.held.isGood);
  if (head === undefined || core.held.find(head) !== undefined) return true;
  warmAhead(core, ready);
  return false;
}

/** Hands the next row to a connection; false when there is none that is warm. */
function offerNext(core: Core, ready: ReadyQueue, session: Session, at: number): boolean {
  const slot = shiftCurrent(core, ready, at);
  if (slot < 0) return false;
  const envelope = needEnvelope(core, slot, 'ready');
  if (envelope === undefined) {
    ready.rows.unshift(slot, core.held.ticketOf(slot));
    warmAhead(core, ready);
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
    token: spendSend(ready),
    fares: takeFares(core, slot),
    isGiven: false,
    isReleased: false,
  };
  core.nextOffer += 1;
  movePlace(core, slot, PLACE_OFFERED);
  core.offers.set(offer.number, offer);
  core.offerOf.set(slot, offer);
  session.offer = offer;
  ready.offered += 1;
  session.givenAt = at;
  renewLease(core, session, at);
  emitOffered(core, offer, again !== undefined);
  fetchBody(core, offer);
  // MAIL and RCPT promise nothing: they go while the commit is under way. The dot waits for it.
  const transaction = {
    offer: offer.number,
    from: envelope.from,
    to: offer.to,
    bodyBytes: c.bodyBytes[slot] as number,
    eightBit: (flags & ROW_EIGHT_BIT) !== 0,
    smtpUtf8: (flags & ROW_SMTP_UTF8) !== 0,
    about: traceOf(core, offer),
  };
  // What is counted here must not be forgotten by a crash: then they wait for the commit, too.
  whenRecorded(core, offer.token, () => {
    if (core.offers.get(offer.number) !== offer) return;
    offer.isGiven = true;
    session.connection.give(transaction);
    releaseBody(core, offer);
  });
  return true;
}

/** What those who watch conversations are told of a message. */
function traceOf(core: Core, { slot, messageId }: Offer): Transaction['about'] {
  if (core.ports.clientTrace?.isWatched !== true) return undefined;
  const queue = core.books.queueOfRow(slot);
  const { domain, tenant, campaign, routing_domain } = parseQueueName(queue.name);
  const told = { message_id: messageId, queue_name: queue.name, egress_pool: poolOf(core, slot) };
  return { ...told, domain, tenant, campaign, routing_domain: routing_domain ?? null };
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
  if (!offer.isDurable || !offer.isGiven) return;
  if (offer.body === undefined || offer.isReleased) return;
  if (core.offers.get(offer.number) !== offer) return;
  offer.isReleased = offer.session.connection.release(offer.number, offer.body);
}

/** Takes every row out of a ready queue and puts it back to be placed anew. */
export function withdrawRows(core: Core, ready: ReadyQueue, back: (slot: number) => void): void {
  for (;;) {
    const slot = ready.rows.shift(core.held.isGood);
    if (slot < 0) return;
    if (core.held.placeOf(slot) === PLACE_READY) back(slot);
  }
}
