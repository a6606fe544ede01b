/**
 * A web server that takes records: it keeps each request with its body, answers as a test says, and
 * can be given another manner while it runs.
 * The one idea: what it holds are the requests that came whole and were answered by 2xx.
 * Deliberately unknown here: sinks, and what a body should look like.
 */
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  RequestListener,
  Server,
  ServerResponse,
} from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { HeldRecord } from './sink-place.ts';

/** One request that came whole. */
export interface HeardRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it crossed the wire. */
  readonly wire: Buffer;
  /** After decompression. */
  readonly body: string;
}

/** What a server does with a request; without an answer from it the server says 204. */
export type Manner = (request: HeardRequest, response: ServerResponse) => void;

/** A running server. */
export interface HttpReceiver {
  readonly port: number;
  readonly requests: HeardRequest[];
  /** Requests that were answered by 2xx. */
  readonly taken: HeardRequest[];
  manner: Manner;
  close(): Promise<void>;
}

/** The keys of a server that speaks TLS. */
export interface ReceiverTls {
  readonly key: string;
  readonly cert: string;
  readonly ca?: string;
  readonly requestCert?: boolean;
}

/** Starts a server on loopback. */
export async function openReceiver(tls?: ReceiverTls): Promise<HttpReceiver> {
  const serve: RequestListener = (message, response) => hear(receiver, message, response);
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: HttpReceiver = {
    port: (server.address() as AddressInfo).port,
    requests: [],
    taken: [],
    manner: (_, response) => response.writeHead(204).end(),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return receiver;
}

function hear(receiver: HttpReceiver, message: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  // A request that is cut short never ends; nobody waits for it.
  message.on('error', () => {});
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    const wire = Buffer.concat(chunks);
    const { method = '', url: path = '', headers } = message;
    const isGzip = headers['content-encoding'] === 'gzip';
    const body = (isGzip ? gunzipSync(wire) : wire).toString('utf8');
    const request = { method, path, headers, wire, body };
    receiver.requests.push(request);
    receiver.manner(request, response);
    if (response.headersSent && response.statusCode < 300) receiver.taken.push(request);
  });
}

interface Envelope {
  readonly id: string;
  readonly data: unknown;
}

/** The records of a request, whichever form its body has. */
export function recordsIn({ headers, body }: HeardRequest): HeldRecord[] {
  const type = headers['content-type'] ?? '';
  const values = type.includes('ndjson')
    ? body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
    : ([JSON.parse(body)] as unknown[]).flat();
  const isReplay = headers['waybill-replay'] === 'true';
  return values.map((value) => {
    const isEnvelope = type.includes('cloudevents');
    const record = isEnvelope ? (value as Envelope).data : value;
    const eventId = isEnvelope
      ? (value as Envelope).id
      : (record as { readonly event_id: string }).event_id;
    return { eventId, text: JSON.stringify(record), isReplay };
  });
}
