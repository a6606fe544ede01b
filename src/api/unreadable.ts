/**
 * What is no request: Node's parser gives up before there is a route, and whoever sent it is told
 * why in the form of every refusal; then the connection ends. An answer that is owed comes first,
 * one that has begun is never broken into. Knows no route, and nobody who asks.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** A request that has not come wholly within this is given up, ms. */
export const REQUEST_MS_MAX = 30_000;

/** What the parser, or the clock beside it, says. */
interface Trouble extends Error {
  readonly code?: string;
  /** The octets it failed at. */
  readonly rawPacket?: unknown;
}

type Said = readonly [status: number, sentence: string];

const SENTENCES: Readonly<Record<string, Said>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    408,
    `the request did not come whole within ${REQUEST_MS_MAX / 1_000} seconds`,
  ],
  HPE_HEADER_OVERFLOW: [
    431,
    `the first line and the header are longer than ${maxHeaderSize} octets; send less`,
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the extensions of the chunks are too long; leave them out'],
  HPE_INVALID_TRANSFER_ENCODING: [
    400,
    'Transfer-Encoding must be chunked, once and last, and stand without Content-Length',
  ],
  HPE_INVALID_CONTENT_LENGTH: [
    400,
    'Content-Length must be a whole number, and stand without Transfer-Encoding',
  ],
  HPE_UNEXPECTED_CONTENT_LENGTH: [400, 'Content-Length is given more than once; give one'],
  HPE_INVALID_CHUNK_SIZE: [400, 'the size of a chunk is not a hexadecimal number'],
  HPE_STRICT: [400, 'a chunk does not end where its size says, or not with CRLF'],
  HPE_INVALID_METHOD: [400, 'the request does not begin with a method such as GET, in capitals'],
  HPE_INVALID_URL: [400, 'the target of the request is not one that begins with /'],
  HPE_INVALID_VERSION: [400, 'the first line does not end with HTTP/1.1 and CRLF'],
  HPE_PAUSED_H2_UPGRADE: [400, 'this listener speaks HTTP/1.1, not HTTP/2'],
  HPE_INVALID_HEADER_TOKEN: [
    400,
    'a header field has a character in its name or value that none may have',
  ],
  HPE_INVALID_EOF_STATE: [400, 'the connection was ended in the midst of a request'],
};
const NO_REQUEST: Said = [400, 'this is no request of HTTP/1.1'];
const TLS_HELLO: Said = [
  400,
  'this listener speaks plain HTTP; ask with http://, or set use_tls for the listener',
];

/** The last request of a connection, and the answer that is owed before its own. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly before: ServerResponse | undefined;
}

/** Refuses what the parser of a server could not read. */
export class Unreadable {
  readonly #asked = new WeakMap<Socket, Asked>();
  readonly #refused = new WeakSet<Socket>();

  /** Has it see the requests of a server that could be read so far. */
  watch(server: Pick<Server, 'on'>): void {
    server.on('request', (request, response) => {
      const last = this.#asked.get(request.socket)?.response;
      const before = last?.writableFinished === false ? last : undefined;
      this.#asked.set(request.socket, { request, response, before });
    });
  }

  /** Hears of `clientError`. */
  readonly refuse = (trouble: Trouble, socket: Socket): void => {
    const said = sayOf(trouble);
    if (said === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    // The parser says it again with every further octet.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const asked = this.#asked.get(socket);
    const owed = asked?.request.complete === true ? asked.response : asked?.before;
    const end = (): void => endWith(socket, said, asked);
    // Said earlier it would be taken for the answer to a request that may well be done.
    if (owed === undefined || owed.writableFinished) end();
    else owed.once('close', end);
  };
}

function endWith(socket: Socket, [status, error]: Said, asked: Asked | undefined): void {
  const isAnswered = asked?.request.complete === false && asked.response.headersSent;
  if (socket.writable && !isAnswered) {
    const body = JSON.stringify({ error });
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }
  socket.destroySoon();
}

/** Undefined: no fault of a request; the connection broke, or TLS did not come about. */
function sayOf({ code = '', rawPacket }: Trouble): Said | undefined {
  const said = SENTENCES[code];
  if (said === undefined) return code.startsWith('HPE_') ? NO_REQUEST : undefined;
  return code === 'HPE_INVALID_METHOD' && isHello(rawPacket) ? TLS_HELLO : said;
}

/** A handshake record of TLS (RFC 8446 section 5.1). */
const isHello = (packet: unknown): boolean =>
  Buffer.isBuffer(packet) && packet[0] === 0x16 && packet[1] === 3;
