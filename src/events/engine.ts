/**
 * What can happen to the engine and its log. Streams: `engine`, `log`. A start says from which seed
 * its randomness springs; which policy answers is an event of its own (policy.ts). Knows nothing of
 * mail.
 */
import type { Books } from '../domain/books.ts';
import { isDeferredSegment } from '../domain/deferred-place.ts';
import { define } from './define.ts';

/** What was in memory only is gone: reports that are owed do without what was sent. */
const forgetDeferred = (books: Books): void => {
  for (const owed of books.ndrs.values()) {
    if (owed.body === undefined || !isDeferredSegment(owed.body.segment)) continue;
    books.ndrs.set(owed.position, { ...owed, body: undefined });
  }
};

export const engineStarted = define('engine.started')<{
  readonly version: string;
  readonly node: string;
  readonly seed: number;
  readonly number: number;
}>({
  version: 1,
  says: 'The engine started on this log; randomness of the run springs from the seed.',
  shape: { version: 'text', node: 'text', seed: 'count', number: 'count' },
  upcast: {},
  apply(books, body) {
    books.engine.node = body.node;
    books.engine.number = body.number;
    books.engine.starts += 1;
    books.engine.isRunning = true;
    forgetDeferred(books);
  },
});

export const engineStopped = define('engine.stopped')<Record<never, never>>({
  version: 1,
  says: 'The engine stopped in good order: no offer is open.',
  shape: {},
  upcast: {},
  apply(books) {
    books.engine.isRunning = false;
  },
});

export const logDamaged = define('log.damaged')<{
  readonly kind: string;
  readonly at: number;
  readonly sentence: string;
}>({
  version: 1,
  says: 'Damage to stored data was found at start.',
  shape: { kind: 'text', at: 'count', sentence: 'text' },
  upcast: {},
  apply() {},
});
