/**
 * What can happen to a request whose messages are generated later. The stream is its id, a UUID.
 * `generation.advanced` stands in the same turn as the acceptances of the messages it speaks of: a
 * crash loses both or neither. Knows nothing of templates.
 */
import type { Books } from '../domain/books.ts';
import type { Generation, GenerationClient } from '../domain/generations.ts';
import { GENERATION_ERRORS_MAX } from '../domain/generations.ts';
import { invariant } from '../domain/invariant.ts';
import type { Applied } from './define.ts';
import { define } from './define.ts';
import type { BodyPlace } from './message.ts';

/** Body of `generation.accepted`. */
export interface GenerationAcceptedBody extends GenerationClient {
  readonly body: BodyPlace;
  readonly from: string;
  readonly recipients: number;
}

/** Body of `generation.advanced`. */
export interface GenerationAdvancedBody {
  /** Recipients that are dealt with from here on. */
  readonly upto: number;
  /** Those of them that got no message, since the last time. */
  readonly failed?: number | undefined;
  /** Some of these, with the reason. */
  readonly errors?: readonly string[] | undefined;
}

/** Body of `generation.finished`. */
export interface GenerationFinishedBody {
  readonly made: number;
  readonly failed: number;
  readonly errors: readonly string[];
  /** Why it ended before its last recipient. */
  readonly cause?: string | undefined;
}

const findOpen = (books: Books, { stream }: Applied): Generation => {
  const generation = books.generations.get(stream);
  invariant(generation !== undefined, `generation ${stream} is not in the books`);
  return generation;
};

export const generationAccepted = define('generation.accepted')<GenerationAcceptedBody>({
  version: 1,
  says: 'A request was taken over and promised to its submitter; its messages are made later.',
  shape: {
    body: 'counts',
    from: 'text',
    recipients: 'count',
    peer: 'text',
    listener: 'text',
    via: 'text',
    hostname: 'text',
    auth: 'text',
  },
  upcast: {},
  apply(books, { body, recipients, peer, listener, via, hostname, auth }, applied) {
    const [segment, offset, length, sum] = body;
    books.generations.set(applied.stream, {
      id: applied.stream,
      body: { segment, offset, length, sum },
      recipients,
      upto: 0,
      failed: 0,
      errors: [],
      acceptedAt: applied.at,
      client: { peer, listener, via, hostname, auth },
    });
  },
});

export const generationAdvanced = define('generation.advanced')<GenerationAdvancedBody>({
  version: 1,
  says: 'The messages of further recipients of the request were made, in this same turn.',
  shape: { upto: 'count', failed: 'count?', errors: 'texts?' },
  upcast: {},
  apply(books, { upto, failed = 0, errors = [] }, applied) {
    const generation = findOpen(books, applied);
    invariant(upto > generation.upto, 'a generation only goes forward');
    generation.upto = upto;
    generation.failed += failed;
    const room = GENERATION_ERRORS_MAX - generation.errors.length;
    generation.errors.push(...errors.slice(0, Math.max(0, room)));
  },
});

export const generationFinished = define('generation.finished')<GenerationFinishedBody>({
  version: 1,
  says: 'Every recipient of the request was dealt with, or the rest cannot be.',
  shape: { made: 'count', failed: 'count', errors: 'texts', cause: 'text?' },
  upcast: {},
  apply(books, _body, applied) {
    findOpen(books, applied);
    books.generations.delete(applied.stream);
  },
});
