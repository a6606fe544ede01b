/**
 * What operators do to messages, one by one or many at once: cancelled, purged (bounced by an admin
 * bounce), bound to another queue. The stream is the message's id. Knows nothing of the rules that
 * wanted it beyond their ids.
 */
import { define } from './define.ts';
import type { EndedBody } from './message.ts';
import { asItWas, ENDED_SHAPE, end, findOpen, findSlot, markSourceless } from './message.ts';

/** Body of `message.purged`. */
export interface PurgedBody extends EndedBody {
  /** Id of the purge; readers tell of an admin bounce. */
  readonly purge: string;
  readonly queue: string;
  readonly code: number;
  readonly enhanced: string;
  /** Readers shall not tell of it. */
  readonly quiet?: 1;
}

/** Body of `message.rebound`. */
export interface ReboundBody {
  readonly from: string;
  readonly queue: string;
  readonly due: number;
  readonly cause: string;
  /** An operator's rebind; else the policy moved it. */
  readonly admin?: 1;
  /** Readers shall not tell of it. */
  readonly quiet?: 1;
  /** Position of the acceptance, attempts made, and who is left where not all are. */
  readonly origin?: number | undefined;
  readonly attempts?: number | undefined;
  readonly index?: readonly number[] | undefined;
}

export const messageCancelled = define('message.cancelled')<EndedBody>({
  version: 2,
  says: 'An operator removed the message for these recipients.',
  shape: ENDED_SHAPE,
  upcast: { 1: asItWas },
  apply: (books, body, applied) => end(books, body.index, 'removed', applied),
});

export const messagePurged = define('message.purged')<PurgedBody>({
  version: 2,
  says: 'An admin bounce ended the message for these recipients.',
  shape: {
    ...ENDED_SHAPE,
    purge: 'text',
    queue: 'queueName',
    code: 'code',
    enhanced: 'text',
    quiet: 'flag?',
  },
  upcast: { 1: asItWas },
  apply(books, body, applied) {
    end(books, body.index, 'bounced', applied);
    const counts = books.rules.find(body.purge)?.counts;
    counts?.set(body.queue, (counts.get(body.queue) ?? 0) + 1);
  },
});

export const messageRebound = define('message.rebound')<ReboundBody>({
  version: 3,
  says: 'The message moved to another queue, as policy or an operator said; attempts are kept.',
  shape: {
    from: 'queueName',
    queue: 'queueName',
    due: 'at',
    cause: 'text',
    admin: 'flag?',
    quiet: 'flag?',
    origin: 'count?',
    attempts: 'count?',
    index: 'counts?',
  },
  // Version 1 did not say who moved it, version 2 not where it came from.
  upcast: { 1: asItWas, 2: asItWas },
  apply(books, body, applied) {
    const slot = findSlot(books, applied);
    books.rebind(slot, findOpen(books, body.queue), applied.at);
    books.rows.columns.dueAt[slot] = body.due;
    markSourceless(books, slot, false);
  },
});
