/**
 * What can happen to a scheduled queue. The stream is the queue's name. Names follow the states of
 * the queue's chart: opened, rested → woke, suspended → resumed, retired. Knows nothing of timers:
 * that a rest has run out is an event of its own.
 */
import type { Books, QueueRow } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';
import type { Applied } from './define.ts';
import { define } from './define.ts';

/** The queue that an event speaks of, and changes. */
const find = (books: Books, applied: Applied): QueueRow => {
  const queue = books.findQueue(applied.stream);
  invariant(queue !== undefined, `queue ${applied.stream} is not open`);
  books.touchQueue(queue);
  return queue;
};

const settle = (queue: QueueRow, state: QueueRow['state'], until: number, cause: string): void => {
  queue.state = state;
  queue.until = until;
  queue.cause = cause;
};

/** A state that lasts until a time, and why. */
export interface PauseBody {
  readonly until: number;
  readonly cause: string;
}

const PAUSE_SHAPE = { until: 'at', cause: 'text' } as const;

/** Which answers configure a queue: its own, and that of its pool; '' where there is none. */
export interface ConfiguredBody {
  readonly answer: string;
  readonly pool: string;
}

const CONFIGURED_SHAPE = { answer: 'text', pool: 'text' } as const;
/** Version 1 did not name the pool. */
const addPool = (body: { answer: string }): ConfiguredBody => ({ ...body, pool: '' });

export const queueOpened = define('queue.opened')<ConfiguredBody>({
  version: 2,
  says: 'A queue came into being, configured by answers of the policy for it and its pool.',
  shape: CONFIGURED_SHAPE,
  upcast: { 1: addPool },
  apply(books, body, applied) {
    const { answer, pool } = body;
    Object.assign(books.openQueue(applied.stream, applied.at), { answer, pool });
  },
});

export const queueConfigured = define('queue.configured')<ConfiguredBody>({
  version: 2,
  says: 'The policy gave another answer for this queue or for its pool.',
  shape: CONFIGURED_SHAPE,
  upcast: { 1: addPool },
  apply(books, body, applied) {
    const { answer, pool } = body;
    Object.assign(find(books, applied), { answer, pool });
  },
});

export const queueRouted = define('queue.routed')<{
  readonly site: string;
  readonly hosts: readonly string[];
  /** Mode of the domain's MTA-STS policy; '' where none asks for anything. */
  readonly mta_sts: string;
}>({
  version: 2,
  says: 'The resolver gave these hosts, in this order of preference, for the queue.',
  shape: { site: 'text', hosts: 'texts', mta_sts: 'text' },
  // Version 1 knew no policies.
  upcast: { 1: (body: { site: string; hosts: readonly string[] }) => ({ ...body, mta_sts: '' }) },
  apply(books, body, applied) {
    find(books, applied).site = body.site;
  },
});

export const queueRested = define('queue.rested')<PauseBody>({
  version: 1,
  says: 'Nothing of the queue can go before a known time; its messages wait without an attempt.',
  shape: PAUSE_SHAPE,
  upcast: {},
  apply: (books, body, applied) => settle(find(books, applied), 'resting', body.until, body.cause),
});

export const queueWoke = define('queue.woke')<Record<never, never>>({
  version: 1,
  says: 'The rest ended.',
  shape: {},
  upcast: {},
  apply: (books, _body, applied) => settle(find(books, applied), 'ready', 0, ''),
});

/** Why a queue was stopped. */
export interface SuspendedBody extends PauseBody {
  /** Id of the operators' rule behind it. */
  readonly rule?: string;
}

export const queueSuspended = define('queue.suspended')<SuspendedBody>({
  version: 2,
  says: 'An operator stopped the queue until a time.',
  shape: { ...PAUSE_SHAPE, rule: 'text?' },
  // Version 1 knew no rules.
  upcast: { 1: (body: PauseBody) => body },
  apply(books, { until, cause, rule }, applied) {
    settle(find(books, applied), 'suspended', until, cause);
    if (rule === undefined) books.rules.suspended.delete(applied.stream);
    else books.rules.suspended.set(applied.stream, rule);
  },
});

export const queueResumed = define('queue.resumed')<Record<never, never>>({
  version: 1,
  says: 'The suspension ended, by time or by hand.',
  shape: {},
  upcast: {},
  apply(books, _body, applied) {
    settle(find(books, applied), 'ready', 0, '');
    books.rules.suspended.delete(applied.stream);
  },
});

export const queueRetired = define('queue.retired')<Record<never, never>>({
  version: 1,
  says: 'The queue was empty and idle for long enough to be forgotten.',
  shape: {},
  upcast: {},
  apply(books, _body, applied) {
    const queue = find(books, applied);
    settle(queue, 'gone', 0, '');
    books.closeQueue(queue);
  },
});
