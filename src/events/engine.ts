/**
 * What can happen to the engine, its policy and its log. Streams: `engine`, `policy`, `log`.
 * Answers of the policy are facts: kept once, named by key. Knows nothing of how a policy is
 * loaded.
 */
import { define } from './define.ts';

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

export const policyLoaded = define('policy.loaded')<{
  readonly hash: string;
  readonly file: string;
}>({
  version: 1,
  says: 'This policy answers from here on.',
  shape: { hash: 'text', file: 'text' },
  upcast: {},
  apply(books, body) {
    books.engine.policy = body.hash;
  },
});

export const policyAnswered = define('policy.answered')<{
  readonly key: string;
  readonly answer: string;
}>({
  version: 1,
  says: 'The policy gave an answer that was not known yet; other events name it by its key.',
  shape: { key: 'text', answer: 'text' },
  upcast: {},
  apply(books, body) {
    books.answers.set(body.key, body.answer);
  },
});

export const policyFaulted = define('policy.faulted')<{
  readonly handler: string;
  readonly sentence: string;
}>({
  version: 1,
  says: 'A handler of the policy failed; its default was used.',
  shape: { handler: 'text', sentence: 'text' },
  upcast: {},
  apply() {},
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
