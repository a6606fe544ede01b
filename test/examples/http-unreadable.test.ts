/**
 * What is no request, over a real socket: each kind is refused with a sentence of its own, in the
 * shape of every refusal, and the connection ends. An answer that is under way is never broken
 * into. Deliberately unknown here: requests that can be read (hostile-requests, http-openapi).
 */
import assert from 'node:assert/strict';
import type { RequestListener, ServerOptions } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { HttpListener } from '../../src/api/http.ts';
import { Unreadable } from '../../src/api/unreadable.ts';
import { openHttp } from './http-parts.ts';

let listener: HttpListener;

before(async () => {
  ({ listener } = await openHttp());
});
after(() => listener.stop(0));

type Sent = string | Buffer;

/** Sends parts at once; all that came back until the other side ended the connection. */
const hear = (port: number, parts: readonly Sent[], halfOpen = false): Promise<string> =>
  new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
      if (halfOpen) socket.end();
    });
    const late = setTimeout(() => reject(new Error(`not closed; heard ${heard}`)), 10_000);
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('utf8');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(late);
      resolve(heard);
    });
  });

/** Status and sentence of a refusal, of which the whole form is looked at. */
const refusal = (heard: string): [status: number, sentence: string] => {
  const [head = '', body = '', ...rest] = heard.split('\r\n\r\n');
  assert.deepEqual(rest, [], heard);
  assert.match(head, /^HTTP\/1\.1 \d{3} [A-Z][A-Za-z ]+\r\n/, heard);
  assert.match(head, /^content-type: application\/json; charset=utf-8$/im);
  assert.match(head, /^connection: close$/im);
  assert.match(head, new RegExp(`^content-length: ${Buffer.byteLength(body)}$`, 'im'));
  const said = JSON.parse(body) as { error: string };
  assert.deepEqual(Object.keys(said), ['error']);
  return [Number(head.slice(9, 12)), said.error];
};

const POST = 'POST /api/admin/suspend/v1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n';
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
const GET = 'GET /metrics HTTP/1.1\r\nHost: h\r\n';
const LONG = 'a'.repeat(20_000);

const CASES: readonly (readonly [name: string, sent: Sent, status: number, says: RegExp])[] = [
  [
    'a length, then chunks',
    `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ...([400, /^Transfer-Encoding must be chunked, .* without Content-Length$/] as const),
  ],
  [
    'chunks, then a length',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    ...([400, /^Content-Length must be .* without Transfer-Encoding$/] as const),
  ],
  ['two lengths', `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\n`, 400, /more than once/],
  ['a length that is none', `${POST}Content-Length: -1\r\n\r\n`, 400, /a whole number/],
  ['a coding that is none', `${POST}Transfer-Encoding: x\r\n\r\n`, 400, /must be chunked/],
  ['a bad size of a chunk', `${CHUNKED}zz\r\n`, 400, /size of a chunk .* hexadecimal/],
  ['a chunk that is longer', `${CHUNKED}1\r\nabc`, 400, /chunk .* its size/],
  ['a chunk with much beside', `${CHUNKED}1;${LONG}\r\n`, 413, /extensions of the chunks/],
  [
    'a TLS hello',
    Buffer.from('16030100c8010000c40303', 'hex'),
    ...([400, /^this listener speaks plain HTTP; ask with http:/] as const),
  ],
  ['a method that is none', 'BREW / HTTP/1.1\r\nHost: h\r\n\r\n', 400, /a method such as GET/],
  ['another protocol', 'EHLO x\r\n', 400, /a method such as GET/],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, /speaks HTTP\/1\.1, not HTTP\/2/],
  ['a version that is none', 'GET / HTTP/9.9\r\nHost: h\r\n\r\n', 400, /end with HTTP\/1\.1/],
  ['a target that is none', 'GET a HTTP/1.1\r\nHost: h\r\n\r\n', 400, /target .* begins with \//],
  ['a field that is none', 'GET / HTTP/1.1\r\nHo st: h\r\n\r\n', 400, /header field/],
  ['a long field', `${GET}X: ${LONG}\r\n\r\n`, 431, /longer than 16384 octets/],
  ['a long target', `GET /${LONG} HTTP/1.1\r\nHost: h\r\n\r\n`, 431, /longer than 16384 octets/],
];

describe('each kind has its sentence', () => {
  for (const [name, sent, status, says] of CASES) {
    test(name, async () => {
      const [code, sentence] = refusal(await hear(listener.port, [sent]));
      assert.equal(code, status, sentence);
      assert.match(sentence, says);
    });
  }

  test('a request that is cut short by its sender', async () => {
    const [code, sentence] = refusal(await hear(listener.port, ['GET / HT'], true));
    assert.equal(code, 400);
    assert.match(sentence, /ended in the midst of a request/);
  });

  test('after requests that were answered', async () => {
    const heard = await hear(listener.port, [`${GET}\r\n`, 'BREW / HTTP/1.1\r\n\r\n']);
    const at = heard.lastIndexOf('HTTP/1.1 400 ');
    assert.match(heard, /^HTTP\/1\.1 200 /);
    assert.match(refusal(heard.slice(at))[1], /a method such as GET/);
  });
});

describe('an answer that is owed or under way', () => {
  type Handler = RequestListener;

  /** A bare server that refuses so, and does with what can be read as it is told. */
  const withServer = async (
    handle: Handler,
    act: (port: number) => Promise<void>,
    options: ServerOptions = {},
  ): Promise<void> => {
    const server = createServer(options, handle);
    const unreadable = new Unreadable();
    unreadable.watch(server);
    // Said again with each octet that follows.
    for (let times = 0; times < 3; times += 1) server.on('clientError', unreadable.refuse);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await act((server.address() as AddressInfo).port);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  const BREW = 'BREW / HTTP/1.1\r\n\r\n';

  test('comes first, and the refusal after it', async () => {
    const waiting: number[] = [];
    const later: Handler = (_request, response) => {
      const before = response.listenerCount('close');
      setTimeout(() => {
        waiting.push(response.listenerCount('close') - before);
        response.end('done');
      }, 50);
    };
    await withServer(later, async (port) => {
      const heard = await hear(port, [`${GET}\r\n${GET}\r\n${BREW}`]);
      const answers = heard.split(/(?=HTTP\/1\.1 )/);
      assert.deepEqual(
        answers.map((one) => one.slice(9, 12)),
        ['200', '200', '400'],
      );
      refusal(answers[2] ?? '');
      assert.deepEqual(waiting, [0, 1], 'one waits, however often it was said');
    });
  });

  test('comes first where the last of several breaks off in its body', async () => {
    const later: Handler = (request, response) => {
      if (request.method === 'GET') setTimeout(() => response.end('done'), 50);
    };
    await withServer(later, async (port) => {
      const heard = await hear(port, [`${GET}\r\n${CHUNKED}zz\r\n`]);
      const [first = '', second = ''] = heard.split(/(?=HTTP\/1\.1 400)/);
      assert.match(first, /^HTTP\/1\.1 200 [\s\S]*done/);
      assert.match(refusal(second)[1], /size of a chunk/);
    });
  });

  test('is all that is said where the request asked for the end', async () => {
    const later: Handler = (_request, response) => {
      setTimeout(() => response.end('done'), 50);
    };
    await withServer(later, async (port) => {
      const heard = await hear(port, [`${GET}Connection: close\r\n\r\n${GET}\r\n`]);
      assert.equal(heard.split('HTTP/1.1 ').length, 2, heard);
      assert.match(heard, /^HTTP\/1\.1 200 [\s\S]*done/);
    });
  });

  test('is not followed by another for the same request', async () => {
    const early: Handler = (_request, response) => {
      response.writeHead(413, { 'content-length': 2 }).end('no');
    };
    await withServer(early, async (port) => {
      const heard = await hear(port, [CHUNKED, 'zz\r\n']);
      assert.equal(heard.split('HTTP/1.1 ').length, 2, heard);
      assert.match(heard, /^HTTP\/1\.1 413 /);
    });
  });

  test('a request that does not end is given up with 408', async () => {
    const options = { requestTimeout: 100, headersTimeout: 100, connectionsCheckingInterval: 20 };
    const never: Handler = () => {};
    await withServer(
      never,
      async (port) => {
        for (const part of ['GET / HTTP/1.1\r\nHost', `${POST}Content-Length: 9\r\n\r\nabc`]) {
          const [code, sentence] = refusal(await hear(port, [part]));
          assert.equal(code, 408);
          assert.match(sentence, /did not come whole within 30 seconds/);
        }
      },
      options,
    );
  });

  test('nothing is written to who is gone, or for what is no fault of a request', () => {
    for (const [code, writable] of [
      ['HPE_INVALID_METHOD', false],
      ['ECONNRESET', true],
      ['ERR_SSL_HTTP_REQUEST', true],
    ] as const) {
      const done: string[] = [];
      const socket = {
        writable,
        destroy: () => done.push('destroy'),
        end: () => done.push('end'),
      } as unknown as Socket;
      new Unreadable().refuse(Object.assign(new Error('x'), { code }), socket);
      assert.deepEqual(done, ['destroy'], code);
    }
  });
});
