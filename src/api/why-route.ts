/**
 * `GET /api/admin/why/v1?queue=NAME` (or `message=`, `source=`, `path=`): why something waits, as
 * JSON. An addition of ours. Knows neither the engine nor how reasons are found.
 */
import type { FastifyInstance } from 'fastify';
import type { Subject } from '../domain/explanation.ts';

/** Answers a subject, or says in a sentence why it cannot. */
export type Explain = (subject: Subject) => object | string;

const KINDS = ['message', 'queue', 'source', 'path'] as const;
const FIX = 'give exactly one of message=, queue=, source= and path=';

const readSubject = (query: Readonly<Record<string, unknown>>): Subject | undefined => {
  const given = Object.entries(query);
  const [only] = given;
  if (given.length !== 1 || only === undefined) return undefined;
  const [key, name] = only;
  const kind = KINDS.find((one) => one === key);
  return kind === undefined || typeof name !== 'string' ? undefined : { kind, name };
};

/** Adds the route. 400: no or two subjects; 404: nothing of that name. */
export const addWhyRoute = (server: FastifyInstance, explain: Explain): void => {
  server.get('/api/admin/why/v1', async (request, reply) => {
    const subject = readSubject(request.query as Readonly<Record<string, unknown>>);
    if (subject === undefined) return await reply.code(400).send({ error: FIX });
    const answer = explain(subject);
    if (typeof answer === 'string') return await reply.code(404).send({ error: answer });
    return await reply.send(answer);
  });
};
