/**
 * `GET /api/admin/journey/v1?key=…`: what happened to a message, or the messages there are to
 * choose from, as JSON. An addition of ours. Knows neither the log nor who reads it.
 */
import type { FastifyInstance } from 'fastify';
import { moment } from '../domain/instant.ts';
import { text, wholeNumber } from '../domain/option-kinds.ts';
import { optional } from '../domain/options.ts';
import { anyTable, saysKind } from './answer-kinds.ts';
import { Refused } from './refusals.ts';
import { addRoute, queryOf } from './route.ts';

/** What is asked; times in ms since 1970. */
export interface JourneyAsked {
  readonly key?: string | undefined;
  readonly tenant?: string | undefined;
  readonly from?: number | undefined;
  readonly upto?: number | undefined;
  /** Where a list goes on, as the answer before this one said. */
  readonly before?: number | undefined;
}

/** Answers, or says in a sentence why it cannot now. */
export type TellJourney = (asked: JourneyAsked) => Promise<object | string>;

/** Longer keys are no keys, in characters. */
const KEY_CHARS_MAX = 1_000;

const POSITION = wholeNumber(1, Number.MAX_SAFE_INTEGER);

const QUERY = {
  key: optional(text, 'our id, a Message-ID, the address of a recipient, or the remote queue id'),
  tenant: optional(text, 'messages of this tenant'),
  from: optional(moment, 'not before this time'),
  to: optional(moment, 'not after this time'),
  before: optional(POSITION, 'the next page of a list: `rest.before` of the answer before it'),
};

/** Adds the route. 400: neither key nor tenant; 503: no answer now. */
export const addJourneyRoute = (server: FastifyInstance, tell: TellJourney): void => {
  const doc = {
    method: 'GET',
    path: '/api/admin/journey/v1',
    tag: 'looking',
    says: 'What happened to a message, from the log; several that fit are listed, newest first.',
    query: queryOf(QUERY),
    answer: saysKind(anyTable),
    refusals: { 503: 'The index of the log gives no answer just now.' },
  } as const;
  addRoute(server, doc, async ({ query, where }) => {
    const { key, tenant, from, to: upto, before } = query;
    if ((key ?? tenant ?? '').trim() === '') {
      throw new Refused(400, `${where}: give key= or tenant=`);
    }
    if ((key ?? '').length > KEY_CHARS_MAX) {
      throw new Refused(400, `${where}: key= is longer than ${KEY_CHARS_MAX} characters`);
    }
    if (from !== undefined && upto !== undefined && upto < from) {
      throw new Refused(400, `${where}: to= is before from=`);
    }
    const answer = await tell({ key, tenant, from, upto, before });
    if (typeof answer === 'string') throw new Refused(503, answer);
    return answer as Readonly<Record<string, unknown>>;
  });
};
