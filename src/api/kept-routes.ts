/**
 * The routes that show what the books know of sources and of rates; ours. What they answer is in
 * the log, so `waybill at` answers the same for any instant. Knows no engine: what it is asked is
 * lent.
 */
import type { FastifyInstance } from 'fastify';
import type { RateLook, SourceLook } from '../domain/inspection.ts';
import { listOf, tableOf } from '../domain/option-kinds.ts';
import { required } from '../domain/options.ts';
import { anyTable, orNull, says, timeText, words } from './answer-kinds.ts';
import { showRate, showSource } from './inspect-show.ts';
import { addRoute } from './route.ts';

/** Who looks. */
export interface KeptDesk {
  sources(): readonly SourceLook[];
  rates(): readonly RateLook[];
}

const tag = 'looking';
const method = 'GET';

const SOURCE = {
  source: required(words, 'its name'),
  state: required(words, '`open` or `suspended`'),
  reason: required(orNull(words), '`Unplumbed`, `ProxyUnhealthy` or `Operator`'),
  cause: required(orNull(words), 'what failed, or what the operator said'),
  until: required(orNull(timeText), 'when the suspension ends'),
  source_config: required(orNull(anyTable), 'the options in force, as they would be written'),
};
const RATE = {
  rate: required(words, 'under which it is counted'),
  used_until: required(timeText, 'it may be used up to then'),
};

/** Adds the routes to a scope. */
export function addKeptRoutes(scope: FastifyInstance, desk: KeptDesk): void {
  const sources = {
    method,
    path: '/api/admin/sources/v1',
    tag,
    says: 'Lists the egress sources in use, those that are suspended too.',
    answer: says({ sources: required(listOf(tableOf(SOURCE)), 'by name') }),
  } as const;
  addRoute(scope, sources, () => ({ sources: desk.sources().map(showSource) }));
  const rates = {
    method,
    path: '/api/admin/rates/v1',
    tag,
    says: 'Lists the rates counted in this process that are used up to some later time.',
    answer: says({ rates: required(listOf(tableOf(RATE)), 'by name') }),
  } as const;
  addRoute(scope, rates, () => ({ rates: desk.rates().map(showRate) }));
}
