/**
 * The routes that look into the engine: messages, scheduled and ready queues, the way of a domain's
 * mail, and the first queues by depth, age or last failure. Knows no engine: what it is asked is
 * lent.
 */
import type { FastifyInstance } from 'fastify';
import type {
  MessageLook,
  PathLook,
  QueueLook,
  QueueTop,
  Ranking,
  ReadyLook,
  ReadyStates,
} from '../domain/inspection.ts';
import { RANKINGS } from '../domain/inspection.ts';
import { flag, listOf, oneOf, text, wholeNumber } from '../domain/option-kinds.ts';
import { option, optional, required } from '../domain/options.ts';
import {
  MESSAGE_SAID,
  PATH_SAID,
  QUEUE_SAID,
  READY_SAID,
  STATES_SAID,
  TOP_SAID,
} from './inspect-shapes.ts';
import {
  showConstraints,
  showMessageLook,
  showPathConfig,
  showQueueConfig,
  showQueueLook,
  showReady,
  showSite,
  showStates,
  showTop,
} from './inspect-show.ts';
import { Refused } from './refusals.ts';
import { addRoute, queryOf } from './route.ts';

/** Who looks; undefined: there is no such thing. */
export interface LookDesk {
  now(): number;
  message(id: string, wantsBody: boolean): Promise<MessageLook | undefined>;
  queue(name: string, max: number, wantsBody: boolean): Promise<QueueLook | undefined>;
  ready(name: string, wantsQueues: boolean): ReadyLook | undefined;
  states(names: readonly string[]): Promise<ReadonlyMap<string, ReadyStates>>;
  /** A sentence where there is none. */
  path(domain: string, source: string): Promise<PathLook | string>;
  top(by: Ranking, max: number, prefix: string): Promise<QueueTop>;
}

const tag = 'looking';
const method = 'GET';
/** Messages, and queues, in one answer. */
const LISTED_MAX = 1_000;
const LISTED = 5;
const TOP = 20;

const wants = option(flag, false, 'with the body');
const named = (what: string) => required(text, what);
const NOTHING = { 404: 'There is nothing of that name.' };

const found = <T>(thing: T | undefined, what: string): T => {
  if (thing === undefined) throw new Refused(404, `there is no ${what}`);
  return thing;
};

/** Adds the routes to a scope. */
export function addInspectRoutes(scope: FastifyInstance, desk: LookDesk): void {
  addMessage(scope, desk);
  addQueue(scope, desk);
  addReady(scope, desk);
  addStates(scope, desk);
  addPath(scope, desk);
  addTop(scope, desk);
}

function addMessage(scope: FastifyInstance, desk: LookDesk): void {
  const doc = {
    method,
    path: '/api/admin/inspect-message/v1',
    tag,
    says: 'Shows one message.',
    query: queryOf({ id: named('id of the message'), want_body: wants }),
    answer: MESSAGE_SAID,
    refusals: { 404: 'The message is not queued here.' },
  } as const;
  addRoute(scope, doc, async ({ query }) => {
    const look = found(await desk.message(query.id, query.want_body), `message ${query.id} here`);
    return showMessageLook(look);
  });
}

function addQueue(scope: FastifyInstance, desk: LookDesk): void {
  const doc = {
    method,
    path: '/api/admin/inspect-sched-q/v1',
    tag,
    says: 'Shows a scheduled queue and some of its messages.',
    query: queryOf({
      queue_name: named('name of the scheduled queue'),
      want_body: wants,
      limit: option(wholeNumber(0, LISTED_MAX), LISTED, 'messages to show'),
    }),
    answer: QUEUE_SAID,
    refusals: NOTHING,
  } as const;
  addRoute(scope, doc, async ({ query: { queue_name: name, limit, want_body } }) => {
    const look = found(await desk.queue(name, limit, want_body), `queue ${name}`);
    return showQueueLook(look, desk.now());
  });
}

function addReady(scope: FastifyInstance, desk: LookDesk): void {
  const doc = {
    method,
    path: '/api/admin/inspect-ready-q/v1',
    tag,
    says: 'Shows a ready queue and its connections.',
    query: queryOf({
      queue_name: named('name of the ready queue'),
      include_scheduled_queues: option(flag, false, 'names the queues with messages in it'),
    }),
    answer: READY_SAID,
    refusals: NOTHING,
  } as const;
  addRoute(scope, doc, ({ query }) => {
    const { queue_name: name, include_scheduled_queues: wantsQueues } = query;
    return showReady(found(desk.ready(name, wantsQueues), `ready queue ${name}`), desk.now());
  });
}

function addStates(scope: FastifyInstance, desk: LookDesk): void {
  const doc = {
    method,
    path: '/api/admin/ready-q-states/v1',
    tag,
    says: 'Says what holds ready queues up: these, or all.',
    query: queryOf({
      queues: optional(listOf(text), 'names; several may be given in one, with commas between'),
    }),
    answer: STATES_SAID,
  } as const;
  addRoute(scope, doc, async ({ query }) => {
    const given = (query.queues ?? []).flatMap((names) => names.split(','));
    const names = given.filter((name) => name !== '');
    const states = await desk.states(names);
    const shown = [...states].map(([name, one]) => [name, showStates(one)] as const);
    return { states_by_ready_queue: Object.fromEntries(shown) };
  });
}

function addPath(scope: FastifyInstance, desk: LookDesk): void {
  const doc = {
    method,
    path: '/api/admin/resolve-egress-path/v1',
    tag,
    says: 'Says where mail of a domain would go, and under which options.',
    query: queryOf({
      domain: named('a domain, or the name of a scheduled queue'),
      source: option(text, 'unspecified', 'an egress source'),
    }),
    answer: PATH_SAID,
    refusals: { 404: 'There is no such source.' },
  } as const;
  addRoute(scope, doc, async ({ query: { domain, source } }) => {
    const look = await desk.path(domain, source);
    if (typeof look === 'string') throw new Refused(404, look);
    return {
      domain,
      source,
      mx: look.site === undefined ? null : showSite(look.site),
      queue_name: look.readyName,
      queue_config: showQueueConfig(look.queue),
      path_config: showPathConfig(look.bounds.path),
      constraints: showConstraints(look.bounds, look.queueRates),
    };
  });
}

function addTop(scope: FastifyInstance, desk: LookDesk): void {
  const doc = {
    method,
    path: '/api/admin/queues',
    tag,
    says: 'Lists the first queues by depth, by age or by the time of their last failure.',
    query: queryOf({
      sort: option(oneOf(...RANKINGS), 'depth', 'by what'),
      limit: option(wholeNumber(1, LISTED_MAX), TOP, 'how many'),
      prefix: optional(text, 'only queues whose names begin so'),
    }),
    answer: TOP_SAID,
  } as const;
  addRoute(scope, doc, async ({ query: { sort, limit, prefix = '' } }) => {
    const top = await desk.top(sort, limit, prefix);
    return showTop(top, desk.now());
  });
}
