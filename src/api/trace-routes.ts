/**
 * SMTP conversations over a websocket (RFC 6455): a watcher sends one text frame that says what it
 * wants to see, and is sent one event a frame until either side ends it.
 * Deliberately unknown here: how conversations come to be shown, and who may watch.
 */
import type { WebSocket } from '@fastify/websocket';
import { fastifyWebsocket } from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import { OptionError } from '../domain/option-error.ts';
import type { TraceFilter, TraceSide } from '../domain/trace-filter.ts';
import { readTraceFilter } from '../domain/trace-filter.ts';
import { Refused } from './refusals.ts';
import type { RouteDoc } from './route.ts';
import type { SmtpTraces } from './smtp-trace-hub.ts';

/** A request is a handful of lists. */
const REQUEST_BYTES_MAX = 65_536;
/** The request must come within this, ms. */
const REQUEST_MS_MAX = 10_000;
// RFC 6455 section 7.4.1: policy violation; try again later is in the registry of section 11.7.
const CLOSE_REFUSED = 1008;
const CLOSE_LATER = 1013;
/** A reason may have so many octets (RFC 6455 section 5.5); more is an error of the library. */
const REASON_BYTES_MAX = 120;

/**
 * Has the listener take websockets; before the guard. The socket of a handshake that is refused is
 * closed by a hook that must have seen the request, or it stays open and so does the listener.
 */
export async function takeWebsockets(server: FastifyInstance): Promise<void> {
  await server.register(fastifyWebsocket, { options: { maxPayload: REQUEST_BYTES_MAX } });
}

/** Adds the two routes. */
export function addTraceRoutes(server: FastifyInstance, traces: SmtpTraces): void {
  for (const side of ['client', 'server'] as const) {
    const path = `/api/admin/trace-smtp-${side}/v1`;
    server.route({
      method: 'GET',
      url: path,
      config: { doc: describe(path, side) },
      handler: (_request, reply) => {
        // Names what it wants instead (RFC 9110 section 15.5.22).
        reply.header('upgrade', 'websocket').header('connection', 'upgrade');
        throw new Refused(426, `GET ${path} is a websocket: ask for it with an upgrade`);
      },
      wsHandler: (socket) => watch(socket, side, traces),
    });
  }
}

const describe = (path: string, side: TraceSide): RouteDoc => ({
  method: 'GET',
  path,
  tag: 'looking',
  says: `Shows SMTP conversations of the ${side} over a websocket.`,
  answer: { form: 'own', type: 'text/plain', says: 'no answer of its own: a websocket' },
  refusals: { 426: 'Asked for without a websocket.' },
});

function watch(socket: WebSocket, side: TraceSide, traces: SmtpTraces): void {
  // Whatever breaks the line also closes it.
  socket.on('error', () => {});
  const watcher = traces[side].enter({
    get waitingBytes() {
      return socket.bufferedAmount;
    },
    send: (text, left) => socket.send(text, left),
  });
  if (watcher === undefined) return socket.close(CLOSE_LATER, 'too many watch already');
  const refuse = (reason: string): void => {
    watcher.leave();
    socket.close(CLOSE_REFUSED, cutReason(reason));
  };
  const cancel = traces.after(REQUEST_MS_MAX, () => refuse('no request came in time'));
  let hasAsked = false;
  socket.on('message', (data, isBinary) => {
    cancel();
    if (hasAsked || isBinary) return refuse('one text frame with the request, and no other');
    hasAsked = true;
    const filter = readRequest(side, data.toString());
    if (typeof filter === 'string') refuse(filter);
    else watcher.want(filter);
  });
  socket.on('close', () => {
    cancel();
    watcher.leave();
  });
}

/** The beginning of a reason that fits, whole characters only: it quotes what the watcher sent. */
function cutReason(reason: string): string {
  const room = new Uint8Array(REASON_BYTES_MAX);
  const { read } = new TextEncoder().encodeInto(reason, room);
  return reason.slice(0, read);
}

/** The request, or what is wrong with it. */
function readRequest(side: TraceSide, text: string): TraceFilter | string {
  try {
    return readTraceFilter(side, JSON.parse(text));
  } catch (error) {
    if (error instanceof OptionError) return error.message;
    if (error instanceof SyntaxError) return 'the request is no JSON';
    throw error;
  }
}
