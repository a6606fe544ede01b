/**
 * The route by which an operator lists, places and lifts suspensions of egress sources. Each
 * answers when it is durable. Deliberately unknown here: the engine, and who may come in.
 */
import type { FastifyInstance } from 'fastify';
import { moment } from '../domain/instant.ts';
import { OptionError } from '../domain/option-error.ts';
import { duration, listOf, tableOf, text } from '../domain/option-kinds.ts';
import type { Kind, Parsed } from '../domain/options.ts';
import { option, optional, required } from '../domain/options.ts';
import { says, spanText, timeText, words } from './answer-kinds.ts';
import { Refused } from './refusals.ts';
import { addRoute, bodyOf } from './route.ts';
import type { SuspendedSource } from './rule-show.ts';
import { showSuspended } from './rule-show.ts';

type Answered = (refusal: string | undefined) => void;

/** What the route stands on; `answered` hears why not, or nothing once it is durable. */
export interface SourceControl {
  now(): number;
  suspended(): readonly SuspendedSource[];
  suspend(source: string, until: number, why: string, answered: Answered, by?: string): void;
  resume(source: string, answered: Answered, by?: string): void;
}

const path = '/api/admin/suspend-source/v1';
const tag = 'orders';
/** A suspension is to end some day: about a hundred years, ms. */
const DURATION_MAX = 100 * 366 * 86_400_000;
/** The reason stands in log lines: one line, and not a long one. */
const REASON_CHARS_MAX = 500;

const line: Kind<string> = {
  name: 'text',
  schema: { type: 'string', minLength: 1 },
  read: (value) =>
    text
      .read(typeof value === 'string' ? value.replace(/\p{Cc}+/gu, ' ') : value)
      .slice(0, REASON_CHARS_MAX),
};
const PLACE = {
  source: required(text, 'which source'),
  duration: optional(duration, 'how long; 5m without it and expires'),
  expires: optional(moment, 'until when; instead of duration'),
  reason: option(line, 'by an operator', 'why, for whoever looks'),
};
const SOURCE = { source: required(text, 'which source') };
const LISTED = {
  source: required(words, 'its name'),
  reason: required(words, '`Unplumbed`, `ProxyUnhealthy` or `Operator`'),
  cause: required(words, 'what failed, or what the operator said'),
  until: required(timeText, 'its end'),
  remaining: required(spanText, 'time left'),
};
const refusals = { 404: 'There is no such source, or it is not suspended.' };

/** Adds the routes to a scope that reads JSON. */
export function addSourceRoutes(scope: FastifyInstance, control: SourceControl): void {
  const list = {
    method: 'GET',
    path,
    tag,
    says: 'Lists the egress sources that are out of rotation.',
    answer: says({ suspended: required(listOf(tableOf(LISTED)), 'in order of their names') }),
  } as const;
  addRoute(scope, list, () => ({
    suspended: control.suspended().map((one) => showSuspended(one, control.now())),
  }));
  const place = {
    method: 'POST',
    path,
    tag,
    says: 'Takes an egress source out of rotation until a time.',
    body: bodyOf(PLACE),
    answer: says({ ...SOURCE, until: required(timeText, 'its end') }),
    refusals,
  } as const;
  addRoute(scope, place, async ({ body, where, by }) => {
    const { source, reason } = body;
    const until = untilOf(body, control.now(), where);
    await settled((answered) => control.suspend(source, until, reason, answered, by));
    return { source, until: new Date(until).toISOString() };
  });
  const lift = {
    method: 'DELETE',
    path,
    tag,
    says: 'Brings an egress source back into rotation.',
    body: bodyOf(SOURCE),
    answer: says(SOURCE),
    refusals,
  } as const;
  addRoute(scope, lift, async ({ body: { source }, by }) => {
    await settled((answered) => control.resume(source, answered, by));
    return { source };
  });
}

const settled = (wish: (answered: Answered) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    wish((refusal) => {
      if (refusal === undefined) resolve();
      else reject(new Refused(404, refusal));
    });
  });

/** Without `duration` and `expires`, ms. */
const DURATION_MS = 5 * 60_000;

function untilOf(body: Parsed<typeof PLACE>, now: number, where: string): number {
  const { duration: span, expires } = body;
  if (expires !== undefined && span !== undefined) {
    throw new OptionError(where, 'duration', 'is given beside expires', 'give one of them');
  }
  const until = expires ?? now + (span ?? DURATION_MS);
  if (until > now && until - now <= DURATION_MAX) return Math.round(until);
  const key = expires === undefined ? 'duration' : 'expires';
  const fix = 'the end must lie in the future, and within a hundred years';
  throw new OptionError(where, key, 'gives no end that makes sense', fix);
}
