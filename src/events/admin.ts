/**
 * What operators order about many queues at once. The stream is the id of the rule or of the
 * rebind. A rule is placed (or ordered), and then lifted (or cancelled) by hand, or ended by time;
 * a new one for the same queues comes after the lifting of the old. Knows nothing of what a rule
 * does to mail: that is told by events of queues and messages.
 */
import type { AdminRule, Criteria, RuleKind } from '../domain/admin-rules.ts';
import { criteriaOf } from '../domain/admin-rules.ts';
import type { Books } from '../domain/books.ts';
import type { QueueMove } from '../domain/queue-change.ts';
import type { Applied } from './define.ts';
import { define } from './define.ts';

const CRITERIA_SHAPE = {
  campaign: 'text?',
  tenant: 'text?',
  domain: 'text?',
  routing_domain: 'text?',
  queue_names: 'texts?',
} as const;

/** Body of `suspension.placed`: about scheduled queues by criteria, or about one ready queue. */
export interface PlacedBody extends Criteria {
  readonly ready?: string;
  readonly until: number;
  readonly cause: string;
  readonly by?: string | undefined;
}

/** Body of `purge.ordered`. */
export interface OrderedBody extends Criteria {
  readonly until: number;
  readonly cause: string;
  readonly quiet?: 1;
  readonly by?: string | undefined;
}

/** Body of `rebind.ordered`. */
export interface RebindBody extends Criteria {
  readonly cause: string;
  readonly move?: QueueMove;
  readonly data?: Readonly<Record<string, string>>;
  readonly flush?: 1;
  readonly quiet?: 1;
  readonly upto: number;
  readonly by?: string | undefined;
}

/** Who took something back; absent where another took its place, and in version 1. */
export interface TakenBackBody {
  readonly by?: string | undefined;
}

/** Body of `operator.acted`. */
export interface ActedBody {
  /** What was done, as `noun.imperative`. */
  readonly act: string;
  /** To what. */
  readonly about: string;
  readonly by: string;
  readonly cause: string;
}

// Version 1 of these did not say who it was.
const UNCHANGED = { 1: (body: object): object => body };

const addRule = (
  books: Books,
  kind: RuleKind,
  body: PlacedBody | OrderedBody,
  { stream }: Applied,
): void => {
  const rule: AdminRule = {
    id: stream,
    kind,
    criteria: criteriaOf(body),
    ready: 'ready' in body ? (body.ready ?? '') : '',
    until: body.until,
    cause: body.cause,
    isQuiet: 'quiet' in body && body.quiet === 1,
    counts: new Map(),
  };
  books.rules.add(rule);
};

const removeRule = (books: Books, _body: object, { stream }: Applied): void =>
  books.rules.remove(stream);

export const suspensionPlaced = define('suspension.placed')<PlacedBody>({
  version: 2,
  says: 'An operator stopped the queues that match, or one ready queue, until a time.',
  shape: { ...CRITERIA_SHAPE, ready: 'text?', until: 'at', cause: 'text', by: 'text?' },
  upcast: UNCHANGED,
  apply(books, body, applied) {
    addRule(books, body.ready === undefined ? 'suspension' : 'readySuspension', body, applied);
  },
});

export const suspensionLifted = define('suspension.lifted')<TakenBackBody>({
  version: 2,
  says: 'An operator took the suspension back, or placed another in its stead.',
  shape: { by: 'text?' },
  upcast: UNCHANGED,
  apply: removeRule,
});

export const suspensionEnded = define('suspension.ended')<Record<never, never>>({
  version: 1,
  says: 'The time of the suspension was over.',
  shape: {},
  upcast: {},
  apply: removeRule,
});

export const purgeOrdered = define('purge.ordered')<OrderedBody>({
  version: 2,
  says: 'An operator ordered that the messages of matching queues be bounced, until a time.',
  shape: { ...CRITERIA_SHAPE, until: 'at', cause: 'text', quiet: 'flag?', by: 'text?' },
  upcast: UNCHANGED,
  apply: (books, body, applied) => addRule(books, 'purge', body, applied),
});

export const purgeCancelled = define('purge.cancelled')<TakenBackBody>({
  version: 2,
  says: 'An operator took the purge back, or ordered another in its stead; what ended has ended.',
  shape: { by: 'text?' },
  upcast: UNCHANGED,
  apply: removeRule,
});

export const purgeEnded = define('purge.ended')<Record<never, never>>({
  version: 1,
  says: 'The time of the purge was over.',
  shape: {},
  upcast: {},
  apply: removeRule,
});

export const rebindOrdered = define('rebind.ordered')<RebindBody>({
  version: 2,
  says: 'An operator ordered that waiting messages of matching queues be bound to queues anew.',
  shape: {
    ...CRITERIA_SHAPE,
    cause: 'text',
    move: 'json?',
    data: 'json?',
    flush: 'flag?',
    quiet: 'flag?',
    upto: 'count',
    by: 'text?',
  },
  upcast: UNCHANGED,
  apply(books, body, applied) {
    books.rules.rebinds.set(applied.stream, {
      id: applied.stream,
      criteria: criteriaOf(body),
      cause: body.cause,
      move: body.move,
      data: body.data ?? {},
      isFlush: body.flush === 1,
      isQuiet: body.quiet === 1,
      upto: body.upto,
    });
  },
});

export const rebindFinished = define('rebind.finished')<{ readonly moved: number }>({
  version: 1,
  says: 'Every queue that the rebind was about has been gone through.',
  shape: { moved: 'count' },
  upcast: {},
  apply(books, _body, applied) {
    books.rules.rebinds.delete(applied.stream);
  },
});

export const operatorActed = define('operator.acted')<ActedBody>({
  version: 1,
  says: 'An operator did something that no other event tells of.',
  shape: { act: 'text', about: 'text', by: 'text', cause: 'text' },
  upcast: {},
  apply() {},
});
