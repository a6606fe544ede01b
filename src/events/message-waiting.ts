/**
 * What can happen to a message while it waits: it is scheduled for later, an offer is taken back,
 * it is set aside, its body is moved or lost. The stream is the message's id. Knows no attempt's
 * outcome and nobody who decides.
 */
import { ROW_QUARANTINED } from '../domain/rows.ts';
import { define } from './define.ts';
import type { BodyPlace, EndedBody } from './message.ts';
import { clearOffer, ENDED_SHAPE, end, findSlot, reschedule } from './message.ts';

/** Body of `message.scheduled`. */
export interface ScheduledBody {
  readonly origin: number;
  readonly queue: string;
  readonly due: number;
}

export const messageScheduled = define('message.scheduled')<ScheduledBody>({
  version: 1,
  says: 'The message was taken over to be sent later: it waits for its first attempt.',
  shape: { origin: 'count', queue: 'queueName', due: 'at' },
  upcast: {},
  apply(books, body, applied) {
    books.rows.columns.dueAt[findSlot(books, applied)] = body.due;
  },
});

export const messagePostponed = define('message.postponed')<ScheduledBody>({
  version: 1,
  says: 'Its window is shut: the message waits for the next opening; no attempt is counted.',
  shape: { origin: 'count', queue: 'queueName', due: 'at' },
  upcast: {},
  apply(books, body, applied) {
    books.rows.columns.dueAt[findSlot(books, applied)] = body.due;
  },
});

export const messageReturned = define('message.returned')<{ readonly due: number }>({
  version: 1,
  says: 'An offer was taken back before anything could reach the peer; no attempt is counted.',
  shape: { due: 'at' },
  upcast: {},
  apply(books, body, applied) {
    const slot = findSlot(books, applied);
    reschedule(books, slot, books.rows.columns.attempts[slot] as number, body.due);
  },
});

export const messageQuarantined = define('message.quarantined')<{ readonly cause: string }>({
  version: 1,
  says: 'The message was set aside: its body or envelope cannot be trusted; it only expires.',
  shape: { cause: 'text' },
  upcast: {},
  apply(books, _body, applied) {
    const slot = findSlot(books, applied);
    clearOffer(books, slot);
    books.rows.columns.flags[slot] = (books.rows.columns.flags[slot] as number) | ROW_QUARANTINED;
  },
});

export const messageMoved = define('message.moved')<{ readonly body: BodyPlace }>({
  version: 1,
  says: 'The body was written to another place: out of memory, or out of a segment to be emptied.',
  shape: { body: 'counts' },
  upcast: {},
  apply(books, body, applied) {
    const slot = findSlot(books, applied);
    const c = books.rows.columns;
    c.bodySegment[slot] = body.body[0];
    c.bodyOffset[slot] = body.body[1];
    c.bodyBytes[slot] = body.body[2];
    c.bodySum[slot] = body.body[3];
  },
});

export const messageLost = define('message.lost')<EndedBody>({
  version: 1,
  says: 'Kept in memory only, as asked for (deferred_spool), the body died with its process.',
  shape: ENDED_SHAPE,
  upcast: {},
  apply: (books, body, applied) => end(books, body.index, 'lost', applied),
});
