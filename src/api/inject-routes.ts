/**
 * `POST /api/inject/v1`: messages by HTTP. Bodies are JSON, compressed or not; refusals are plain
 * sentences, as the reference has them. The idea: a request is bounded before it is read, and what
 * it has in hand is given back however it ends. Knows neither templates nor the engine.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { formatPlace, plainAddress } from '../domain/ip.ts';
import { OptionError } from '../domain/option-error.ts';
import { flag, listOf, tableOf, text, wholeNumber } from '../domain/option-kinds.ts';
import type { JsonSchema } from '../domain/options.ts';
import { optional, required } from '../domain/options.ts';
import type { InjectClient } from '../intake/inject/draft.ts';
import { INJECT_REQUEST, RequestRefused } from '../intake/inject/request.ts';
import type { InHand, InjectService } from '../intake/inject/service.ts';
import { RequestPutOff } from '../intake/inject/service.ts';
import { readBody } from './inject-body.ts';
import { faultOf, judgeError } from './refusals.ts';
import type { RouteDoc } from './route.ts';
import { queryOf } from './route.ts';

/** Where messages are injected. */
export const INJECT = '/api/inject/v1';

const count = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const TAKEN = { recipient: required(text, 'for whom'), id: required(text, 'the id') };
const ANSWER = {
  success_count: required(count, 'recipients that have their message'),
  fail_count: required(count, 'recipients that have none'),
  failed_recipients: required(listOf(text), 'which'),
  errors: required(listOf(text), 'and why, in the same order'),
  ids: optional(listOf(tableOf(TAKEN)), 'with `ids=true`: the messages, those made later left out'),
};
const QUERY = queryOf({ ids: optional(flag, 'name each message by its id') });

/** What the route stands on. */
export interface InjectRouteParts {
  readonly service: InjectService;
  /** Octets of a body, decompressed. */
  readonly bodyLimit: number;
  /** The name of the listener. */
  readonly hostname: string;
}

function clientOf({ socket, auth: info }: FastifyRequest, hostname: string): InjectClient {
  const peer = plainAddress(socket.remoteAddress ?? '');
  const proved = info.identities.find(({ identity }) => identity !== '');
  const via = plainAddress(socket.localAddress ?? '');
  const listener = formatPlace(via, socket.localPort ?? 0);
  return {
    peer,
    via,
    listener,
    hostname,
    auth: proved?.identity ?? peer,
    info,
  };
}

// What is wrong with a body is said while its bytes are read, on a thread of its own.
const DOC: RouteDoc = {
  method: 'POST',
  path: INJECT,
  tag: 'injecting',
  says: 'Takes messages, one for each recipient.',
  query: QUERY,
  body: { schema: z.toJSONSchema(INJECT_REQUEST) as JsonSchema, read: (raw) => raw },
  answer: { form: 'json', kind: tableOf(ANSWER) },
  refusals: { 429: 'Above the rate of recipients.', 503: 'No mail is taken just now.' },
  textRefusals: 'all',
};

function wantsIds({ query }: FastifyRequest): boolean {
  try {
    return QUERY.read(query, `POST ${INJECT}`).ids === true;
  } catch (error) {
    if (error instanceof OptionError) throw new RequestRefused(400, error.message);
    throw error;
  }
}

const asItSays = ({ status: code, message: text }: RequestRefused) => ({
  code,
  text,
  isOurs: false,
});

/** Adds the route to a scope of its own; `note` hears of requests that failed by our fault. */
export function addInjectRoutes(
  scope: FastifyInstance,
  parts: InjectRouteParts,
  note: (text: string) => void,
): void {
  const { service, bodyLimit, hostname } = parts;
  const inHand = new WeakMap<FastifyRequest, InHand>();
  scope.removeAllContentTypeParsers();
  scope.addHook('onRequest', async (request) => {
    inHand.set(request, service.enter());
  });
  scope.addContentTypeParser(
    'application/json',
    async (request: FastifyRequest, payload: IncomingMessage) => {
      const hand = inHand.get(request);
      return await readBody(request.raw, payload, bodyLimit, (bytes) => hand?.grow(bytes));
    },
  );
  // Comes however a request ends, also where the client went away before.
  scope.addHook('onResponse', async (request) => inHand.get(request)?.leave());
  scope.addHook('onRequestAbort', async (request) => inHand.get(request)?.leave());
  scope.setErrorHandler(async (error: FastifyError | RequestRefused, request, reply) => {
    const isRefused = error instanceof RequestRefused;
    const { code, text: said, isOurs } = isRefused ? asItSays(error) : judgeError(error);
    if (isOurs) note(faultOf(request, error));
    if (error instanceof RequestPutOff) reply.header('retry-after', String(error.retryAfterS));
    // Of the body there may be more to come that nobody will read.
    if (code === 413) reply.header('connection', 'close');
    await reply.code(code).type('text/plain; charset=utf-8').send(said);
  });
  scope.post(INJECT, { config: { doc: DOC } }, async (request) => {
    if (!Buffer.isBuffer(request.body)) {
      throw new RequestRefused(415, 'a JSON body is needed, with content-type application/json');
    }
    const isGone = (): boolean => request.raw.socket.destroyed;
    const client = clientOf(request, hostname);
    return await service.inject(request.body, client, isGone, wantsIds(request));
  });
}
