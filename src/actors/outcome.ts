/**
 * From verdicts to events: what an attempt, or the lack of one, means for a message. Deferring
 * decides the next attempt by the queue's schedule, or that there will be none. The only place that
 * writes outcome events. Knows neither connections nor why a reply came.
 */

import type { Reply } from '../domain/reply.ts';
import { nextAttempt } from '../domain/retry.ts';
import type { AttemptBody } from '../events/message.ts';
import type { Core, Offer } from './core.ts';
import {
  addressesOf,
  emitLast,
  leftIndexes,
  messageIdOf,
  recordedConfigOf,
  waitForDue,
} from './rows-in-hand.ts';

/** Recipients that share one verdict. */
export interface Share {
  readonly to: readonly string[];
  readonly index: readonly number[];
  readonly reply: Reply;
}

/** Who answered, for the events. */
export interface Witness {
  readonly attempt: number;
  readonly source: string;
  readonly site: string;
  readonly peer: string;
  readonly tls: string;
  readonly took: number;
}

const NOBODY = { source: '', site: '', peer: '', tls: '', took: 0 };

const bodyOf = (share: Share, by: Witness): AttemptBody => ({
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
});

/** The witness of an offer. */
export function witnessOf(offer: Offer, took: number): Witness {
  const { ready, peer } = offer.session;
  return {
    attempt: offer.attempt,
    source: ready.source.name,
    site: ready.site.site,
    peer: peer === undefined ? '' : `${peer.name} ${peer.address}:${peer.port}`,
    tls: peer?.tls?.protocol ?? '',
    took,
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
  emitLast(core, slot, { type: as, stream: messageIdOf(core, slot), body: bodyOf(share, by) });
}

/** The time of the next attempt after one more failure, or why there is none. */
function planRetry(core: Core, slot: number, at: number) {
  const c = core.books.rows.columns;
  const attemptsMade = c.attempts[slot] as number;
  const config = recordedConfigOf(core, slot);
  const limits = config ?? { retry_interval: 1_200_000, max_age: 604_800_000 };
  const waiting = { createdAt: c.acceptedAt[slot] as number, now: at };
  return nextAttempt(limits, waiting, attemptsMade, () => core.ports.random.uniform());
}

/** An attempt failed for now: the row waits for its next attempt, or expires. */
export function deferShare(core: Core, slot: number, share: Share, by: Witness, at: number): void {
  core.settledNow += 1;
  const next = planRetry(core, slot, at);
  const due = next.expired ? at : next.dueAt;
  const attempts = (core.books.rows.columns.attempts[slot] as number) + 1;
  const stream = messageIdOf(core, slot);
  const body = { ...bodyOf(share, by), attempts, due };
  core.turns.emit({ type: 'message.deferred', stream, body });
  if (next.expired) expireNow(core, slot, share.to, share.index, next.text);
  else retire(core, slot);
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
  const next = planRetry(core, slot, at);
  const due = next.expired ? at : next.dueAt;
  const attempts = (core.books.rows.columns.attempts[slot] as number) + 1;
  const body = { attempt: by.attempt, attempts, due, cause };
  const hot = core.held.find(slot);
  core.turns.emit({ type: 'message.unsettled', stream: messageIdOf(core, slot), body });
  const index = leftIndexes(core, slot);
  const to = addressesOf(hot, index);
  if (next.expired) expireNow(core, slot, to, index, next.text);
  else retire(core, slot);
}

function expireNow(
  core: Core,
  slot: number,
  to: readonly string[],
  index: readonly number[],
  why: string,
): void {
  const body = { to, index, text: `551 5.4.7 ${why}` };
  emitLast(core, slot, { type: 'message.expired', stream: messageIdOf(core, slot), body });
}

/** Back to waiting; the envelope cools, it is read back when the row is due again. */
function retire(core: Core, slot: number): void {
  core.held.cool(slot);
  core.cycles.delete(slot);
  waitForDue(core, slot);
}

/** A row that no connection had is deferred for all its recipients, as one attempt. */
export function deferRow(core: Core, slot: number, reply: Reply, at: number): void {
  const index = leftIndexes(core, slot);
  const hot = core.held.find(slot);
  const to = addressesOf(hot, index);
  const attempt = (core.books.rows.columns.attempts[slot] as number) + 1;
  deferShare(core, slot, { to, index, reply }, { attempt, ...NOBODY }, at);
}

/** A row that no connection had is bounced for all its recipients. */
export function bounceRow(core: Core, slot: number, reply: Reply): void {
  const index = leftIndexes(core, slot);
  const hot = core.held.find(slot);
  const to = addressesOf(hot, index);
  const attempt = (core.books.rows.columns.attempts[slot] as number) + 1;
  endShare(core, slot, 'message.bounced', { to, index, reply }, { attempt, ...NOBODY });
}
