/**
 * The routes that say how the daemon is, for tools that watch it; open to everybody, so they say
 * little. Knows no engine.
 */
import type { FastifyInstance } from 'fastify';
import { Refused } from './refusals.ts';
import { addRoute } from './route.ts';

const tag = 'health';
const NOT_NOW = { 503: 'Not just now; the text says why.' };

/** Adds the routes; `whyNot` says why no mail is taken just now. */
export function addHealthRoutes(scope: FastifyInstance, whyNot: () => string | undefined): void {
  const alive = {
    method: 'GET',
    path: '/api/check-liveness/v1',
    tag,
    says: 'Whether mail is taken.',
    answer: { form: 'text', says: '`OK`' },
    refusals: NOT_NOW,
    textRefusals: [503],
  } as const;
  addRoute(scope, alive, async ({ reply }) => {
    const why = whyNot();
    if (why === undefined) return 'OK';
    reply.code(503);
    return why;
  });
  const ready = { ...alive, path: '/readyz', says: 'Whether mail is taken: for load balancers.' };
  addRoute(scope, ready, async ({ reply }) => {
    const why = whyNot();
    if (why === undefined) return 'OK';
    reply.code(503);
    return why;
  });
  const { refusals: _, textRefusals: __, ...always } = alive;
  const live = { ...always, path: '/livez', says: 'Whether the process answers at all.' };
  addRoute(scope, live, () => 'OK');
  // Listeners are opened last: whoever gets an answer knows that all of it has begun.
  const started = { ...always, path: '/startupz', says: 'Whether the start is over.' };
  addRoute(scope, started, () => 'OK');
}

const ELSEWHERE =
  'handing mail to another node (xfer) is not supported here; rebind it to a queue that relays ' +
  'there, see docs/http-api.md';

/** Routes of the reference that have no meaning here say so, instead of being unknown. */
export function addAbsentRoutes(scope: FastifyInstance): void {
  const paths = ['/api/admin/xfer/v1', '/api/admin/xfer/cancel/v1', '/api/xfer/inject/v1'];
  for (const path of paths) {
    const doc = {
      method: 'POST',
      path,
      tag: 'absent',
      says: 'Of the reference; not supported here.',
      answer: { form: 'empty' },
      refusals: { 501: 'Always.' },
    } as const;
    addRoute(scope, doc, () => {
      throw new Refused(501, ELSEWHERE);
    });
  }
}
