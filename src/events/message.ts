/**
 * What can happen to a message. The stream of these events is the message's id. Outcomes name the
 * recipients by index into `message.accepted.to` (for the books) and, for readers, by address: `to`
 * has one address for each index, or is empty where the envelope was not in memory. See also
 * message-waiting.ts and message-by-hand.ts. Knows nothing of SMTP beyond reply codes, and nothing
 * of who decides.
 */
import type { Books, QueueRow } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';
import type { End } from '../domain/ledger-totals.ts';
import { numberOfMessageId } from '../domain/message-id.ts';
import {
  ROW_EIGHT_BIT,
  ROW_NULL_SENDER,
  ROW_OFFERED,
  ROW_SMTP_UTF8,
  ROW_SOURCELESS,
} from '../domain/rows.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { AttemptBody, AttemptFacts, DeferredBody } from './attempt.ts';
import { ATTEMPT_FACTS_SHAPE, ATTEMPT_SHAPE } from './attempt.ts';
import type { Applied } from './define.ts';
import { define } from './define.ts';

export type { AttemptBody } from './attempt.ts';

/** Where the body lies: segment, offset, bytes, CRC-32. */
export type BodyPlace = readonly [number, number, number, number];

/** Body of `message.accepted` and `message.recovered`. */
export interface AcceptedBody {
  readonly queue: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly body: BodyPlace;
  readonly service: string;
  readonly peer: string;
  readonly helo: string;
  readonly due?: number;
  readonly eightBit?: 1;
  readonly smtpUtf8?: 1;
  /** UUID of the session that brought it, and TLS of that. */
  readonly session?: string | undefined;
  readonly tls?: string | undefined;
  readonly cipher?: string | undefined;
  /** What somebody wants to know of connection and header, by name. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** It is a complaint: `report.complained` tells of its reception. */
  readonly complaint?: 1 | undefined;
  /** When it expires and in which hours it may go out; versions before 4 knew none. */
  readonly schedule?: Schedule | undefined;
}

/** Body of `message.offered`. */
export interface OfferedBody {
  readonly attempt: number;
  readonly source: string;
  readonly site: string;
  readonly peer: string;
  readonly link: number;
  /** Absent: all recipients that are left. */
  readonly index?: readonly number[];
}

/** Body of `message.unsettled`. */
export interface UnsettledBody extends AttemptFacts {
  readonly attempt: number;
  readonly attempts: number;
  readonly due: number;
  readonly cause: string;
  /** Whom it was for; version 1 did not say. */
  readonly index?: readonly number[] | undefined;
  readonly source?: string | undefined;
  readonly site?: string | undefined;
  readonly peer?: string | undefined;
  readonly tls?: string | undefined;
  readonly via?: string | undefined;
}

/** Body of the events that end a message without an attempt. */
export interface EndedBody {
  readonly to: readonly string[];
  readonly index: readonly number[];
  readonly text: string;
  /** Position of the acceptance, queue, and attempts made; version 1 did not say. */
  readonly origin?: number | undefined;
  readonly queue?: string | undefined;
  readonly attempts?: number | undefined;
}

/** The fields of the events that end a message without an attempt. */
export const ENDED_SHAPE = {
  to: 'texts',
  index: 'counts',
  text: 'text',
  origin: 'count?',
  queue: 'queueName?',
  attempts: 'count?',
} as const;

/** The way up for an event whose next version only says more. */
export const asItWas = <B extends object>(body: B): B => body;

const ACCEPTED_SHAPE = {
  queue: 'queueName',
  from: 'text',
  to: 'texts',
  body: 'counts',
  service: 'text',
  peer: 'text',
  helo: 'text',
  due: 'at?',
  eightBit: 'flag?',
  smtpUtf8: 'flag?',
  session: 'text?',
  tls: 'text?',
  cipher: 'text?',
  meta: 'json?',
  headers: 'json?',
  complaint: 'flag?',
  schedule: 'json?',
} as const;

/** The row that an event speaks of, and changes. */
export const findSlot = (books: Books, applied: Applied): number => {
  const slot = books.rows.find(numberOfMessageId(applied.stream));
  invariant(slot >= 0, `message ${applied.stream} is not in the books`);
  books.rows.touch(slot);
  return slot;
};

/** The open queue of a name. */
export const findOpen = (books: Books, name: string): QueueRow => {
  const queue = books.findQueue(name);
  invariant(queue !== undefined, `queue ${name} was never opened`);
  return queue;
};

const flagsOf = ({ eightBit, smtpUtf8, from }: AcceptedBody): number =>
  (eightBit ? ROW_EIGHT_BIT : 0) |
  (smtpUtf8 ? ROW_SMTP_UTF8 : 0) |
  (from === '' ? ROW_NULL_SENDER : 0);

const accept = (books: Books, body: AcceptedBody, applied: Applied): void => {
  const number = numberOfMessageId(applied.stream);
  invariant(number >= 0, `${applied.stream} is no message id`);
  const queue = findOpen(books, body.queue);
  const slot = books.rows.add({
    number,
    acceptedAt: Number.parseInt(applied.stream.slice(0, 12), 16),
    dueAt: body.due ?? applied.at,
    position: applied.position,
    bodySegment: body.body[0],
    bodyOffset: body.body[1],
    bodyBytes: body.body[2],
    bodySum: body.body[3],
    queue: queue.slot,
    recipients: body.to.length,
    flags: flagsOf(body),
  });
  if (body.schedule !== undefined) books.rows.schedules.set(slot, body.schedule);
  books.link(slot, queue);
  books.engine.number = Math.max(books.engine.number, number + 1);
  books.ledger.accepted += body.to.length;
  books.ledger.live += body.to.length;
};

/** Recipients come to an end; the row goes with the last of them. */
export const end = (books: Books, indexes: readonly number[], as: End, applied: Applied): void => {
  const slot = findSlot(books, applied);
  const isLast = books.rows.settle(slot, indexes);
  books.ledger[as] += indexes.length;
  books.ledger.live -= indexes.length;
  clearOffer(books, slot);
  if (isLast) books.drop(slot, applied.at);
};

/** No attempt is under way any more. */
export const clearOffer = (books: Books, slot: number): void => {
  const flags = books.rows.columns.flags;
  flags[slot] = (flags[slot] as number) & ~ROW_OFFERED;
};

/** Whether the row waits because the policy gave no source for it. */
export const markSourceless = (books: Books, slot: number, isSourceless: boolean): void => {
  const flags = books.rows.columns.flags;
  const rest = (flags[slot] as number) & ~ROW_SOURCELESS;
  flags[slot] = isSourceless ? rest | ROW_SOURCELESS : rest;
};

/** The row waits for its next attempt. */
export const reschedule = (books: Books, slot: number, attempts: number, due: number): void => {
  clearOffer(books, slot);
  markSourceless(books, slot, false);
  books.rows.columns.attempts[slot] = Math.min(attempts, 65_535);
  books.rows.columns.dueAt[slot] = due;
};

export const messageAccepted = define('message.accepted')<AcceptedBody>({
  version: 4,
  says: 'A message was taken over and promised to its submitter.',
  shape: ACCEPTED_SHAPE,
  upcast: { 1: asItWas, 2: asItWas, 3: asItWas },
  apply: accept,
});

export const messageRecovered = define('message.recovered')<AcceptedBody>({
  version: 4,
  says: 'A message whose acceptance the damaged log had lost was found again beside its body.',
  shape: ACCEPTED_SHAPE,
  upcast: { 1: asItWas, 2: asItWas, 3: asItWas },
  apply: accept,
});

export const messageOffered = define('message.offered')<OfferedBody>({
  version: 1,
  says: 'An attempt began: the message may reach the peer from here on.',
  shape: {
    attempt: 'count',
    source: 'text',
    site: 'text',
    peer: 'text',
    link: 'count',
    index: 'counts?',
  },
  upcast: {},
  apply(books, _body, applied) {
    const slot = findSlot(books, applied);
    const flags = books.rows.columns.flags;
    invariant(((flags[slot] as number) & ROW_OFFERED) === 0, 'a message is offered once at a time');
    flags[slot] = (flags[slot] as number) | ROW_OFFERED;
  },
});

export const messageDelivered = define('message.delivered')<AttemptBody>({
  version: 2,
  says: 'The peer took the message over for these recipients.',
  shape: ATTEMPT_SHAPE,
  upcast: { 1: asItWas },
  apply: (books, body, applied) => end(books, body.index, 'delivered', applied),
});

export const messageBounced = define('message.bounced')<AttemptBody>({
  version: 2,
  says: 'The message was refused for good for these recipients.',
  shape: ATTEMPT_SHAPE,
  upcast: { 1: asItWas },
  apply: (books, body, applied) => end(books, body.index, 'bounced', applied),
});

export const messageDeferred = define('message.deferred')<DeferredBody>({
  version: 3,
  says: 'An attempt failed for now; the message waits for its next one.',
  shape: { ...ATTEMPT_SHAPE, attempts: 'count', due: 'at', sourceless: 'flag?' },
  // Version 2 did not say whether it was for want of a source.
  upcast: { 1: asItWas, 2: asItWas },
  apply(books, body, applied) {
    const slot = findSlot(books, applied);
    reschedule(books, slot, body.attempts, body.due);
    if (body.sourceless === 1) markSourceless(books, slot, true);
  },
});

export const messageUnsettled = define('message.unsettled')<UnsettledBody>({
  version: 2,
  says: 'An attempt ended without a known outcome: a second copy is possible from here on.',
  shape: {
    attempt: 'count',
    attempts: 'count',
    due: 'at',
    cause: 'text',
    index: 'counts?',
    source: 'text?',
    site: 'text?',
    peer: 'text?',
    tls: 'text?',
    via: 'text?',
    ...ATTEMPT_FACTS_SHAPE,
  },
  upcast: { 1: asItWas },
  apply(books, body, applied) {
    books.ledger.unknown += 1;
    reschedule(books, findSlot(books, applied), body.attempts, body.due);
  },
});

export const messageExpired = define('message.expired')<EndedBody>({
  version: 2,
  says: 'The message grew too old for these recipients.',
  shape: ENDED_SHAPE,
  upcast: { 1: asItWas },
  apply: (books, body, applied) => end(books, body.index, 'expired', applied),
});
