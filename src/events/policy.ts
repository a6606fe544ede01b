/**
 * What can happen to the policy. Streams: `policy`, and for paths the name of the ready queue. An
 * answer is kept once and named by key; who adopts it says so in an event of its own. Which version
 * an event rests on is the last `policy.activated` before it: from that position on nobody acts
 * before it has asked again, and whose refresh fails is named by a `policy.faulted` after it. So no
 * event carries the version, and all are attributable.
 */
import { define } from './define.ts';

export const policyLoaded = define('policy.loaded')<{
  readonly hash: string;
  readonly file: string;
}>({
  version: 1,
  says: 'This policy answers from here on (before versions were numbered).',
  shape: { hash: 'text', file: 'text' },
  upcast: {},
  apply(books, body) {
    books.engine.policy = body.hash;
    books.engine.policyFile = body.file;
  },
});

export const policyActivated = define('policy.activated')<{
  readonly version: number;
  readonly hash: string;
  readonly file: string;
  readonly reason: string;
  readonly epoch: number;
}>({
  version: 1,
  says: 'This version of the policy answers from here on; everybody asks anew before acting.',
  shape: { version: 'count', hash: 'text', file: 'text', reason: 'text', epoch: 'count' },
  upcast: {},
  apply(books, body) {
    const { engine } = books;
    engine.policy = body.hash;
    engine.policyFile = body.file;
    engine.policyVersion = body.version;
    engine.epoch = body.epoch;
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
  says: 'A handler of the policy failed or was slow; what was in force stays, else its default.',
  shape: { handler: 'text', sentence: 'text' },
  upcast: {},
  apply() {},
});

/** Body of `path.configured`: the answer, and the question; version 1 had no question. */
export interface PathConfiguredBody {
  readonly answer: string;
  readonly domain?: string | undefined;
  readonly source?: string | undefined;
  readonly site?: string | undefined;
  readonly hosts?: readonly string[] | undefined;
}

export const pathConfigured = define('path.configured')<PathConfiguredBody>({
  version: 2,
  says: 'A ready queue took this answer of the policy for the path from its source to its site.',
  shape: { answer: 'text', domain: 'text?', source: 'text?', site: 'text?', hosts: 'texts?' },
  // Version 1 did not say what had been asked.
  upcast: { 1: (body: PathConfiguredBody): PathConfiguredBody => body },
  // Ready queues die with the process; what they were told is for readers of the log.
  apply() {},
});
