/**
 * How every route says no: `{"error": "a sentence"}` with a status that says what kind of no it is.
 * 400 cannot be read, 401 nobody we know, 403 not for you, 404 not here, 413 too long, 415 not
 * JSON, 422 read but of the wrong shape, 5xx our side. Knows no route.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OptionError } from '../domain/option-error.ts';
import { RequestRefused } from '../intake/inject/request.ts';
import { readBody } from './inject-body.ts';

/** A refusal with its status. */
export class Refused extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, sentence: string) {
    super(sentence);
    this.statusCode = statusCode;
  }
}

const OUR_FAULT = 'the request could not be answered, the log of the daemon says why; try again';

/** What is said for an error, and whether it is a fault of ours that belongs into the log. */
export function judgeError(error: FastifyError): { code: number; text: string; isOurs: boolean } {
  if (error instanceof OptionError) return { code: 422, text: error.message, isOurs: false };
  const code = error.statusCode ?? 500;
  if (error instanceof Refused) return { code, text: error.message, isOurs: false };
  // What an unforeseen error says is for us; whoever asked learns that it was not their doing.
  if (code >= 500) return { code: 500, text: OUR_FAULT, isOurs: true };
  const hint = code === 415 ? '; send application/json' : '';
  return { code, text: `${error.message}${hint}`, isOurs: false };
}

/** What the log says of a request that failed by our fault. */
export const faultOf = ({ method, routeOptions }: FastifyRequest, { stack }: Error): string =>
  `${method} ${routeOptions.url ?? '?'}: ${stack}`;

/** Has a server refuse in this way, in all of its scopes. */
export function sayRefusals(server: FastifyInstance, note: (text: string) => void): void {
  server.setErrorHandler(async (error: FastifyError, request, reply) => {
    const { code, text, isOurs } = judgeError(error);
    // Of the body there may be more to come that nobody will read.
    if (code === 413) reply.header('connection', 'close');
    if (isOurs) note(faultOf(request, error));
    await reply.code(code).type('application/json; charset=utf-8').send({ error: text });
  });
  server.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0]?.slice(0, 100);
    const hint = '/api-docs/openapi.json lists what there is';
    await reply.code(404).send({ error: `there is no ${request.method} ${path}; ${hint}` });
  });
}

/** Says that a path is none, before any route is found for it. */
export function refuseUrl(error: FastifyError, _request: unknown, reply: FastifyReply): void {
  void reply
    .code(error.statusCode ?? 400)
    .type('application/json; charset=utf-8')
    .send({ error: 'the path of the request cannot be read; a % stands before two hex digits' });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new Refused(400, `the body is not JSON: ${(error as Error).message}`);
  }
}

async function readWhole(
  { raw }: FastifyRequest,
  payload: IncomingMessage,
  limit: number,
): Promise<Buffer> {
  try {
    return await readBody(raw, payload, limit, () => {});
  } catch (error) {
    if (error instanceof RequestRefused) throw new Refused(error.status, error.message);
    throw error;
  }
}

/**
 * Has a scope take bodies of JSON and no others, compressed or not, of so many octets at most; all
 * but GET routes of it need one.
 */
export function readJsonOnly(scope: FastifyInstance, limit: number): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/json',
    async (request: FastifyRequest, payload: IncomingMessage) =>
      parseJson(await readWhole(request, payload, limit)),
  );
  scope.addHook('preValidation', async (request) => {
    if (request.method === 'GET' || request.body !== undefined) return;
    throw new Refused(415, 'a JSON body is needed, with content-type application/json');
  });
}
