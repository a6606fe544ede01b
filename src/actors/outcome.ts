/**
 * From verdicts to events: what an attempt, or the lack of one, means for a message. Deferring
 * decides the next attempt by the queue's schedule, or that there will be none. The only place that
 * writes outcome events. Knows neither connections nor why a reply came.
 */

import { UNSPECIFIED } from '../domain/options-egress.ts';
import type { Reply, VerdictKind } from '../domain/reply.ts';
import { formatReply } from '../domain/reply.ts';
import { nextAttempt } from '../domain/retry.ts';
import { proxyPlaceOf } from '../domain/source-proxy.ts';
import type { AttemptBody } from '../events/message.ts';
import { purgeReturned } from './admin/purging.ts';
import type { PeerInfo } from './connection/connection.ts';
import type { Core, Offer, ReadyQueue } from './core.ts';
import { takeFares } from './fares.ts';
import { rememberError } from './inspecting/last-errors.ts';
import { countOutcomes } from './measures.ts';
import { keepCurrent } from './queue/configuring.ts';
import { askRequeue, queueAfter, rebindRow } from './rebinding.ts';
import {
  addressesOf,
  emitLast,
  leftIndexes,
  messageIdOf,
  originOf,
  recordedConfigOf,
  waitForDue,
  whereaboutsOf,
} from './rows-in-hand.ts';
import { dueWithin } from './windows.ts';

/** Recipients that share one verdict. */
export interface Share {
  readonly to: readonly string[];
  readonly index: readonly number[];
  readonly reply: Reply;
  /** What drew the reply, from the first of them. */
  readonly command?: string | undefined;
  /** Nothing was said: the policy gave no source. */
  readonly isSourceless?: boolean | undefined;
}

/** Who answered, for the events. */
export interface Witness {
  readonly attempt: number;
  readonly source: string;
  readonly site: string;
  readonly peer: string;
  readonly tls: string;
  readonly took: number;
  readonly via?: string | undefined;
  readonly session?: string | undefined;
  readonly local?: string | undefined;
  readonly proxy?: string | undefined;
  readonly cipher?: string | undefined;
  readonly subject?: string | undefined;
}

const NOBODY = { source: '', site: '', peer: '', tls: '', took: 0 };

const bodyOf = (core: Core, slot: number, share: Share, by: Witness): AttemptBody => ({
  to: share.to,
  index: share.index,
  attempt: by.attempt,
  source: by.source,
  site: by.site,
  peer: by.peer,
  code: share.reply.code,
  enhanced: share.reply.enhanced,
  text: share.reply.text,
  tls: by.tls,
  took: by.took,
  via: by.via,
  ...originOf(core, slot),
  pool: poolOf(core, slot),
  session: by.session,
  local: by.local,
  proxy: by.proxy,
  cipher: by.cipher,
  subject: by.subject,
  command: share.command,
  own: share.reply.isOwn ? 1 : undefined,
});

/** The pool that the queue of a row sends from, as far as it is recorded. */
export const poolOf = (core: Core, slot: number): string =>
  recordedConfigOf(core, slot).egress_pool ?? UNSPECIFIED;

/** The witness of an offer. */
export function witnessOf(offer: Offer, took: number): Witness {
  const { ready, peer, uuid } = offer.session;
  return {
    attempt: offer.attempt,
    source: ready.source.name,
    site: ready.site.site,
    peer: peer === undefined ? '' : `${peer.name} ${peer.address}:${peer.port}`,
    tls: peer?.tls?.protocol ?? '',
    took,
    ...endsOf(peer, ready),
    session: uuid,
  };
}

/** Our end of a connection, and what its TLS came to. */
function endsOf(peer: PeerInfo | undefined, ready: ReadyQueue) {
  const { via, tls } = peer ?? {};
  const isDirect = peer !== undefined && via === undefined && peer.localAddress !== '';
  return {
    via,
    local: isDirect ? `${peer.localAddress}:${peer.localPort}` : undefined,
    proxy: via === undefined ? undefined : proxyPlaceOf(ready.source),
    cipher: tls?.cipher,
    subject: tls?.subject,
  };
}

/** Recipients are delivered or bounced. */
export function endShare(
  core: Core,
  slot: number,
  as: 'message.delivered' | 'message.bounced',
  share: Share,
  by: Witness,
): void {
  core.settledNow += 1;
  const event = { type: as, stream: messageIdOf(core, slot), body: bodyOf(core, slot, share, by) };
  rememberError(core.lastErrors, event, core.turns.at);
  emitLast(core, slot, event);
}

/** What follows a failure: the time of the next attempt, perhaps elsewhere; or the end. */
interface Sequel {
  readonly due: number;
  /** Why there is no next attempt. */
  readonly end: string | undefined;
  /** The queue the message moves to. */
  readonly queue: string | undefined;
}

/** The queue's schedule says when, unless the policy has its own mind about the message. */
function planSequel(core: Core, slot: number, response: string, at: number): Sequel {
  const c = core.books.rows.columns;
  const row = core.books.queueOfRow(slot);
  keepCurrent(core, row, at);
  const attemptsMade = c.attempts[slot] as number;
  const opens = (due: number): number => dueWithin(core, slot, due);
  const expiresAt = core.books.rows.schedules.get(slot)?.expires;
  const waiting = { createdAt: c.acceptedAt[slot] as number, now: at, expiresAt, opens };
  const limits = recordedConfigOf(core, slot);
  const next = nextAttempt(limits, waiting, attemptsMade, () => core.ports.random.uniform());
  const delayMs = next.expired ? undefined : next.dueAt - at;
  const about = { response, context: 'LoggedTransientFailure', isAttempt: true, delayMs };
  const move = askRequeue(core, slot, about);
  const queue = move === undefined ? row.name : queueAfter(row.name, move);
  if (queue !== row.name) return { due: opens(at + (move?.delayMs ?? 0)), end: undefined, queue };
  if (next.expired) return { due: at, end: next.text, queue: undefined };
  if (move?.delayMs === undefined) return { due: next.dueAt, end: undefined, queue: undefined };
  const due = opens(at + move.delayMs);
  const isPast = due > (expiresAt ?? waiting.createdAt + limits.max_age);
  const bound = expiresAt === undefined ? 'max_age' : "the message's expiry";
  const end = isPast ? `the delay that requeue_message gave exceeds ${bound}` : undefined;
  return { due: isPast ? at : due, end, queue: undefined };
}

/** An attempt failed for now: the row waits for its next attempt, or expires. */
export function deferShare(core: Core, slot: number, share: Share, by: Witness, at: number): void {
  core.settledNow += 1;
  const sequel = planSequel(core, slot, formatReply(share.reply), at);
  const attempts = (core.books.rows.columns.attempts[slot] as number) + 1;
  const stream = messageIdOf(core, slot);
  const { isSourceless = false } = share;
  if (isSourceless) core.house.isAnySourceless = true;
  const sourceless = isSourceless ? (1 as const) : undefined;
  const body = { ...bodyOf(core, slot, share, by), attempts, due: sequel.due, sourceless };
  const event = { type: 'message.deferred', stream, body } as const;
  rememberError(core.lastErrors, event, core.turns.at);
  core.turns.emit(event);
  follow(core, slot, sequel, share, at);
}

/** The outcome of an attempt is not known: a second copy may follow. */
export function unsettleRow(
  core: Core,
  slot: number,
  by: Witness,
  cause: string,
  at: number,
): void {
  core.settledNow += 1;
  const sequel = planSequel(core, slot, cause, at);
  const attempts = (core.books.rows.columns.attempts[slot] as number) + 1;
  const index = leftIndexes(core, slot);
  const { took: _, ...circumstances } = by;
  const told = { ...originOf(core, slot), pool: poolOf(core, slot), index };
  const body = { ...circumstances, attempts, due: sequel.due, cause, ...told };
  const to = addressesOf(core.held.find(slot), index);
  const event = { type: 'message.unsettled', stream: messageIdOf(core, slot), body } as const;
  rememberError(core.lastErrors, event, core.turns.at);
  core.turns.emit(event);
  follow(core, slot, sequel, { to, index }, at);
}

function follow(
  core: Core,
  slot: number,
  { end, queue, due }: Sequel,
  { to, index }: Pick<Share, 'to' | 'index'>,
  at: number,
): void {
  if (end !== undefined) return expireNow(core, slot, to, index, end);
  if (queue === undefined && purgeReturned(core, slot)) return;
  retire(core, slot);
  if (queue !== undefined) rebindRow(core, slot, { queue, due, cause: 'requeue_message' }, at);
}

function expireNow(
  core: Core,
  slot: number,
  to: readonly string[],
  index: readonly number[],
  why: string,
): void {
  const text = `551 5.4.7 ${why}`;
  const body = { to, index, text, ...whereaboutsOf(core, slot) };
  emitLast(core, slot, { type: 'message.expired', stream: messageIdOf(core, slot), body });
}

/** Back to waiting; the envelope cools, it is read back when the row is due again. */
function retire(core: Core, slot: number): void {
  core.held.cool(slot);
  core.cycles.delete(slot);
  waitForDue(core, slot);
}

/** A row that no connection had is deferred for all its recipients, as one attempt. */
export function deferRow(
  core: Core,
  slot: number,
  reply: Reply,
  at: number,
  about: { readonly session?: string | undefined; readonly isSourceless?: boolean } = {},
): void {
  // An attempt is counted, and what was paid for it is spent.
  takeFares(core, slot);
  const index = leftIndexes(core, slot);
  const hot = core.held.find(slot);
  const to = addressesOf(hot, index);
  const attempt = (core.books.rows.columns.attempts[slot] as number) + 1;
  const { session, isSourceless } = about;
  const share = { to, index, reply: { ...reply, isOwn: true as const }, isSourceless };
  countUnreached(core, slot, 'transient', index.length);
  deferShare(core, slot, share, { attempt, ...placeOf(core, slot), session }, at);
}

/** Counts recipients of a row that no connection had; before it has a path there is no service. */
function countUnreached(core: Core, slot: number, kind: VerdictKind, recipients: number): void {
  const ready = core.readyOf.get(slot);
  if (ready !== undefined) countOutcomes(core, ready, slot, kind, recipients);
}

/** Where a row waited that no connection had. */
function placeOf(core: Core, slot: number): Omit<Witness, 'attempt'> {
  const ready = core.readyOf.get(slot);
  if (ready === undefined) return NOBODY;
  return { ...NOBODY, source: ready.source.name, site: ready.site.site };
}

/** A row that no connection had is bounced for all its recipients. */
export function bounceRow(core: Core, slot: number, reply: Reply): void {
  takeFares(core, slot);
  const index = leftIndexes(core, slot);
  const hot = core.held.find(slot);
  const to = addressesOf(hot, index);
  const attempt = (core.books.rows.columns.attempts[slot] as number) + 1;
  const share = { to, index, reply: { ...reply, isOwn: true as const } };
  countUnreached(core, slot, 'permanent', index.length);
  endShare(core, slot, 'message.bounced', share, { attempt, ...placeOf(core, slot) });
}
