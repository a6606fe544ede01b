/**
 * What can happen to a report of failure that we owe to a sender (RFC 3464). The stream is the id
 * of the message that failed. `ndr.generated` stands in the same turn as the acceptance of the
 * report, which is a message like any other: a crash loses both or neither. Knows no policy.
 */
import type { Books } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';
import type { OwedNdr } from '../domain/ndrs.ts';
import { define } from './define.ts';
import type { BodyPlace } from './message.ts';

/** Body of `ndr.owed`. */
export interface NdrOwedBody {
  /** Position of the acceptance of the message that failed. */
  readonly origin: number;
  /** Positions of the events that end it for some of its recipients. */
  readonly failures: readonly number[];
  /** What was sent, kept until the report is durable; absent: there was no room to keep it. */
  readonly body?: BodyPlace | undefined;
}

/** Body of `ndr.moved`. */
export interface NdrMovedBody {
  /** Position of `ndr.owed`. */
  readonly owed: number;
  readonly body: BodyPlace;
}

/** Body of `ndr.generated`. */
export interface NdrGeneratedBody {
  /** Position of `ndr.owed`. */
  readonly owed: number;
  /** The report's own id. */
  readonly id: string;
}

/** Body of `ndr.waived`. */
export interface NdrWaivedBody {
  /** Position of `ndr.owed`. */
  readonly owed: number;
  readonly cause: string;
}

const settle = (books: Books, owed: number): void => {
  const isKnown = books.ndrs.delete(owed);
  invariant(isKnown, `no report is owed by ${owed}`);
};

export const ndrOwed = define('ndr.owed')<NdrOwedBody>({
  version: 1,
  says: 'The sender is to be told that the message failed; what was sent is kept until then.',
  shape: { origin: 'count', failures: 'counts', body: 'counts?' },
  upcast: {},
  apply(books, { origin, failures, body }, { stream, position }) {
    const [segment, offset, length, sum] = body ?? [0, 0, 0, 0];
    const owed: OwedNdr = {
      position,
      message: stream,
      origin,
      failures,
      body: body === undefined ? undefined : { segment, offset, length, sum },
    };
    books.ndrs.set(position, owed);
  },
});

export const ndrMoved = define('ndr.moved')<NdrMovedBody>({
  version: 1,
  says: 'What was sent, in memory only so far, was written so that the report can show it.',
  shape: { owed: 'count', body: 'counts' },
  upcast: {},
  apply(books, { owed: position, body: [segment, offset, length, sum] }) {
    const owed = books.ndrs.get(position);
    invariant(owed !== undefined, `no report is owed by ${position}`);
    books.ndrs.set(position, { ...owed, body: { segment, offset, length, sum } });
  },
});

export const ndrGenerated = define('ndr.generated')<NdrGeneratedBody>({
  version: 1,
  says: 'The report of the failure was taken over as a message, in this same turn.',
  shape: { owed: 'count', id: 'id' },
  upcast: {},
  apply: (books, { owed }) => settle(books, owed),
});

export const ndrWaived = define('ndr.waived')<NdrWaivedBody>({
  version: 1,
  says: 'The sender is not told of the failure: nobody is to be told, or nothing can be.',
  shape: { owed: 'count', cause: 'text' },
  upcast: {},
  apply: (books, { owed }) => settle(books, owed),
});
