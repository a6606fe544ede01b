/**
 * The route by which an operator ends one connection of a ready queue, without touching others.
 * Knows no engine: the wish goes to the desk like any other.
 */
import type { FastifyInstance } from 'fastify';
import { text } from '../domain/option-kinds.ts';
import { option, required } from '../domain/options.ts';
import type { AdminDesk } from './admin-routes.ts';
import { Refused } from './refusals.ts';
import { addRoute, bodyOf } from './route.ts';

const ABORT = {
  queue_name: required(text, 'name of the ready queue'),
  session_id: required(text, 'session_id of one of its dispatchers'),
  reason: option(text, 'by an operator', 'why, for whoever looks'),
};

/** Adds the route to a scope that reads JSON. */
export function addConnectionRoutes(scope: FastifyInstance, desk: AdminDesk): void {
  const doc = {
    method: 'POST',
    path: '/api/admin/abort-ready-q-conn/v1',
    tag: 'orders',
    says: 'Ends a connection at once; what it has in hand goes elsewhere.',
    body: bodyOf(ABORT),
    answer: { form: 'text', says: '`aborted`' },
    refusals: { 404: 'There is no such ready queue, or no such connection.' },
  } as const;
  addRoute(scope, doc, async ({ body, by }) => {
    const { queue_name: ready, session_id: id, reason: why } = body;
    const session = id.toLowerCase();
    const refusal = await desk.command({ kind: 'connection.abort', ready, session, why, by });
    if (refusal !== undefined) throw new Refused(404, refusal);
    return 'aborted';
  });
}
