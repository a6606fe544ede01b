/**
 * `GET /api/admin/why/v1?queue=NAME` (or `message=`, `source=`, `path=`): why something waits, as
 * JSON. An addition of ours. Knows neither the engine nor how reasons are found.
 */
import type { FastifyInstance } from 'fastify';
import type { Subject } from '../domain/explanation.ts';
import { text } from '../domain/option-kinds.ts';
import { optional } from '../domain/options.ts';
import { anyTable, saysKind } from './answer-kinds.ts';
import { Refused } from './refusals.ts';
import { addRoute, queryOf } from './route.ts';

/** Answers a subject, or says in a sentence why it cannot. */
export type Explain = (subject: Subject) => object | string;

const QUERY = {
  message: optional(text, 'id of a message'),
  queue: optional(text, 'name of a scheduled queue'),
  source: optional(text, 'name of an egress source'),
  path: optional(text, 'name of a ready queue'),
};
const FIX = 'give exactly one of message=, queue=, source= and path=';
const KINDS = ['message', 'queue', 'source', 'path'] as const;

/** Adds the route. 400: no or two subjects; 404: nothing of that name. */
export const addWhyRoute = (server: FastifyInstance, explain: Explain): void => {
  const doc = {
    method: 'GET',
    path: '/api/admin/why/v1',
    tag: 'looking',
    says: 'Why a message, a queue, a source or a path waits.',
    query: queryOf(QUERY),
    answer: saysKind(anyTable),
    refusals: { 404: 'There is nothing of that name.' },
  } as const;
  addRoute(server, doc, ({ query, where }) => {
    const given = KINDS.filter((kind) => query[kind] !== undefined);
    const [kind] = given;
    if (kind === undefined || given.length !== 1) throw new Refused(400, `${where}: ${FIX}`);
    const answer = explain({ kind, name: query[kind] as string });
    if (typeof answer === 'string') throw new Refused(404, answer);
    return answer as Readonly<Record<string, unknown>>;
  });
};
