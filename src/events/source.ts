/**
 * What can happen to an egress source. The stream is the source's name. A source is opened when the
 * policy first names it and retired when it no longer does. Knows nothing of addresses being
 * plumbed.
 */
import type { Books, SourceRow } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';
import type { FailureNote, SuspendReason } from '../domain/source-health.ts';
import { BY_HAND } from '../domain/source-health.ts';
import type { Applied } from './define.ts';
import { define } from './define.ts';
import type { PauseBody } from './queue.ts';

const find = (books: Books, applied: Applied): SourceRow => {
  const source = books.sources.get(applied.stream);
  invariant(source !== undefined, `source ${applied.stream} is not open`);
  return source;
};

export const sourceOpened = define('source.opened')<{ readonly answer: string }>({
  version: 1,
  says: 'A source came into use, configured by an answer of the policy.',
  shape: { answer: 'text' },
  upcast: {},
  apply(books, body, applied) {
    const name = applied.stream;
    const { answer } = body;
    books.sources.set(name, { name, state: 'open', until: 0, cause: '', reason: '', answer });
  },
});

export const sourceConfigured = define('source.configured')<{ readonly answer: string }>({
  version: 1,
  says: 'The policy gave another answer for this source.',
  shape: { answer: 'text' },
  upcast: {},
  apply(books, body, applied) {
    find(books, applied).answer = body.answer;
  },
});

/** The end of a suspension, and what led to it. */
export interface SuspendedBody extends PauseBody {
  readonly reason: SuspendReason;
  /** Failures within the rule's period; 0 when it was done by hand. */
  readonly count: number;
  /** The newest of them, oldest first. */
  readonly failures: readonly FailureNote[];
  /** Who did it by hand. */
  readonly by?: string | undefined;
}

export const sourceSuspended = define('source.suspended')<SuspendedBody>({
  version: 3,
  says: 'The source left rotation until a time, or stays out of it until another.',
  shape: {
    until: 'at',
    cause: 'text',
    reason: 'text',
    count: 'count',
    failures: 'json',
    by: 'text?',
  },
  // Version 1 knew suspensions by hand only, version 2 did not say by whose.
  upcast: {
    1: (body: PauseBody): SuspendedBody => ({ ...body, reason: BY_HAND, count: 0, failures: [] }),
    2: (body: SuspendedBody): SuspendedBody => body,
  },
  apply(books, { until, cause, reason }, applied) {
    Object.assign(find(books, applied), { state: 'suspended', until, cause, reason });
  },
});

export const sourceResumed = define('source.resumed')<{ readonly by?: string | undefined }>({
  version: 2,
  says: 'The source came back into rotation, by time or by hand.',
  shape: { by: 'text?' },
  // Version 1 did not say by whose.
  upcast: { 1: (body: object): object => body },
  apply(books, _body, applied) {
    const open = { state: 'open', until: 0, cause: '', reason: '' } as const;
    Object.assign(find(books, applied), open);
  },
});

export const sourceRetired = define('source.retired')<Record<never, never>>({
  version: 1,
  says: 'No pool of the policy names the source any more.',
  shape: {},
  upcast: {},
  apply(books, _body, applied) {
    find(books, applied).state = 'retired';
    books.sources.delete(applied.stream);
  },
});
