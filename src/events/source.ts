/**
 * What can happen to an egress source. The stream is the source's name. A source is opened when the
 * policy first names it and retired when it no longer does. Knows nothing of addresses being
 * plumbed.
 */
import type { Books, SourceRow } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';
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
    books.sources.set(name, { name, state: 'open', until: 0, cause: '', answer: body.answer });
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

export const sourceSuspended = define('source.suspended')<PauseBody>({
  version: 1,
  says: 'The source left rotation until a time.',
  shape: { until: 'at', cause: 'text' },
  upcast: {},
  apply(books, body, applied) {
    Object.assign(find(books, applied), {
      state: 'suspended',
      until: body.until,
      cause: body.cause,
    });
  },
});

export const sourceResumed = define('source.resumed')<Record<never, never>>({
  version: 1,
  says: 'The source came back into rotation, by time or by hand.',
  shape: {},
  upcast: {},
  apply(books, _body, applied) {
    Object.assign(find(books, applied), { state: 'open', until: 0, cause: '' });
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
