/**
 * What the HTTP sink makes of answers: taken, not now, never; waits that a receiver asks for; its
 * body in a reason, without secrets; answers that never end or are no answers.
 * Deliberately unknown here: what every sink does in trouble (sink.ts).
 */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { readRetryAfter } from '../../src/projections/sinks/http-answer.ts';
import { recordsIn } from './sink-http-receiver.ts';
import { failedOf, httpWorld, saying, sinkFor } from './sink-http-world.ts';
import { withoutRepeats } from './sink-place.ts';
import { recordsFrom } from './sink-records.ts';
import { timersAt } from './sink-timers.ts';

const never = new AbortController().signal;

test('every status is taken, not now, or never', async (t) => {
  const { receiver, send } = await httpWorld(t);
  const batch = recordsFrom(1, 2);
  for (const status of [200, 201, 202, 204, 206, 299]) {
    receiver.manner = saying(status);
    assert.deepEqual(await send(batch), { kind: 'settled', refused: [] }, String(status));
  }
  for (const status of [408, 425, 429, 500, 501, 502, 503, 504, 507, 599]) {
    receiver.manner = saying(status, {}, status === 501 ? '' : 'try later');
    const { reason, retryAfterMs } = failedOf(await send(batch));
    assert.ok(reason.startsWith(`${status} `) || reason === '599: try later', reason);
    assert.equal(retryAfterMs, undefined);
  }
  for (const status of [300, 304, 400, 401, 403, 404, 405, 409, 410, 413, 415, 421, 422, 451]) {
    receiver.manner = saying(status, {}, status === 304 ? '' : 'no\r\n\tthanks\u0000\u202e!');
    const answer = await send(batch);
    assert.ok(answer.kind === 'settled', String(status));
    assert.deepEqual(
      answer.refused.map(({ index }) => index),
      [0, 1],
    );
    for (const { reason } of answer.refused) {
      assert.match(
        reason,
        new RegExp(`^${status} [\\w' ]+${status === 304 ? '' : ': no thanks !'}$`),
      );
    }
  }
});

test('a minute of 500 loses nothing and repeats only what was answered so', async (t) => {
  const { receiver, send } = await httpWorld(t);
  let failures = 0;
  receiver.manner = (_, response) => {
    failures += 1;
    response.writeHead(failures % 3 === 0 ? 200 : 500).end();
  };
  for (let position = 1; position <= 30; position += 3) {
    const batch = recordsFrom(position, 3);
    let answer = await send(batch);
    while (answer.kind === 'failed') answer = await send(batch);
  }
  const ids = recordsFrom(1, 30).map(({ eventId }) => eventId);
  assert.deepEqual(
    receiver.taken.flatMap(recordsIn).map(({ eventId }) => eventId),
    ids,
  );
  assert.deepEqual(withoutRepeats(receiver.requests.flatMap(recordsIn)), ids);
  assert.equal(receiver.requests.length, 30);
});

test('Retry-After counts in seconds and as a date', async (t) => {
  const now = Date.UTC(2026, 10, 22, 15, 0, 0);
  const { receiver, send } = await httpWorld(t, { ports: { timers: timersAt(() => now) } });
  const waits: readonly (readonly [string, number | undefined])[] = [
    ['120', 120_000],
    [' 0 ', 0],
    ['Sun, 22 Nov 2026 15:00:30 GMT', 30_000],
    ['Sunday, 22-Nov-26 15:00:30 GMT', 30_000],
    ['Sun Nov 22 15:00:30 2026', 30_000],
    ['Sun, 22 Nov 2026 14:00:00 GMT', 0],
    ['9999999999', 86_400_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['1 hour', undefined],
    ['', undefined],
  ];
  for (const [value, expected] of waits) {
    for (const status of [429, 503]) {
      receiver.manner = saying(status, { 'retry-after': value });
      assert.equal(failedOf(await send(recordsFrom(1, 1))).retryAfterMs, expected, value);
    }
  }
  receiver.manner = saying(404, { 'retry-after': '60' });
  assert.equal((await send(recordsFrom(1, 1))).kind, 'settled');
});

test('a date without a zone is read as the same instant wherever the daemon runs', () => {
  const now = Date.UTC(2026, 10, 22, 15, 0, 0);
  const before = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    assert.equal(readRetryAfter('Sun Nov 22 15:00:30 2026', now), 30_000);
    assert.equal(readRetryAfter('Sun, 22 Nov 2026 15:00:30 GMT', now), 30_000);
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
});

test('no redirect is followed', async (t) => {
  const elsewhere = await httpWorld(t);
  const { receiver, send } = await httpWorld(t);
  for (const status of [301, 302, 303, 307, 308]) {
    const location = `http://127.0.0.1:${elsewhere.receiver.port}/`;
    receiver.manner = saying(status, { location });
    const answer = await send(recordsFrom(1, 1));
    assert.ok(answer.kind === 'settled');
    assert.match(answer.refused[0]?.reason ?? '', new RegExp(`^${status} `));
  }
  assert.equal(elsewhere.receiver.requests.length, 0);
  assert.equal(receiver.requests.length, 5);
});

test('a reason is short, in one line, and holds no secret', async (t) => {
  const secret = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  const canaries = [
    'canary-bearer-1',
    'canary-header-2',
    'canary-query-3',
    secret,
    secret.slice(6),
  ];
  const options = {
    auth: { bearer: { key_data: canaries[0] } },
    headers: { 'X-Other': { key_data: canaries[1] }, 'X-Api-Key': 'canary-plain-4' },
    signing_secret: secret,
  };
  const { receiver, send } = await httpWorld(t, { options, path: `/log?token=${canaries[2]}` });
  receiver.manner = ({ headers, path }, response) => {
    response.statusMessage = `No ${headers['x-api-key']}`;
    const echoed = `${path} ${JSON.stringify(headers)} ${secret} `;
    response.writeHead(400).end(`${'x'.repeat(230)}${canaries[0]} ${echoed}${'y'.repeat(500)}`);
  };
  for (const status of ['refused', 'failed']) {
    if (status === 'failed') {
      receiver.manner = ({ headers, path }, response) =>
        response.writeHead(503).end(`${path}${JSON.stringify(headers)}${secret}`);
    }
    const answer = await send(recordsFrom(1, 1));
    const reason = answer.kind === 'failed' ? answer.reason : (answer.refused[0]?.reason ?? '');
    assert.ok(reason.length > 50 && reason.length <= 330, `${reason.length}: ${reason}`);
    for (const canary of [...canaries, 'canary-plain-4', 'canary-bea']) {
      assert.ok(!reason.includes(canary), `${canary} in ${reason}`);
    }
  }
  assert.equal(receiver.requests[0]?.headers['x-other'], 'canary-header-2');
});

test('a user and a password are scrubbed in every form they are sent in', async (t) => {
  const options = { auth: { username: 'ada', password: { key_data: 'pässwörd&/1' } } };
  const { receiver, send } = await httpWorld(t, { options });
  receiver.manner = ({ headers }, response) =>
    response.writeHead(401).end(`${headers.authorization} pässwörd&/1 p%C3%A4ssw%C3%B6rd%26%2F1`);
  const answer = await send(recordsFrom(1, 1));
  assert.ok(answer.kind === 'settled');
  assert.equal(answer.refused[0]?.reason, '401 Unauthorized: Basic *** *** ***');
  const basic = Buffer.from('ada:pässwörd&/1', 'utf8').toString('base64');
  assert.equal(receiver.requests[0]?.headers.authorization, `Basic ${basic}`);
});

/** Answers the head, then goes on for ever in small steps. */
function drip(response: ServerResponse, status: number, stepMs: number, chunk: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  const timer = setInterval(() => response.write(chunk), stepMs);
  response.on('close', () => clearInterval(timer));
}

test('answers that never end cost the timeout and no more', async (t) => {
  const { receiver, send } = await httpWorld(t, { options: { timeout: '400ms' } });
  const manners = [
    () => {},
    (response: ServerResponse) => drip(response, 200, 20, '.'),
    (response: ServerResponse) => drip(response, 500, 20, '.'),
    (response: ServerResponse) =>
      response.writeHead(200, { 'content-length': '10' }).write('12345'),
  ];
  for (const manner of manners) {
    receiver.manner = (_, response) => manner(response);
    const from = performance.now();
    assert.equal(failedOf(await send(recordsFrom(1, 1))).reason, 'no whole answer within 400 ms');
    const tookMs = performance.now() - from;
    assert.ok(tookMs >= 390 && tookMs < 20_000, `${tookMs} ms`);
  }
  receiver.manner = saying(200);
  assert.equal((await send(recordsFrom(1, 1))).kind, 'settled');
});

test('a body of gigabytes is not read, its status counts, the next request is well', async (t) => {
  const { receiver, send } = await httpWorld(t);
  let sent = 0;
  for (const status of [200, 500]) {
    receiver.manner = (_, response) => {
      response.writeHead(status);
      const chunk = Buffer.alloc(65_536, 0x61);
      const pour = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', pour);
      response.on('error', () => {});
      pour();
    };
    const answer = await send(recordsFrom(1, 1));
    assert.equal(answer.kind, status === 200 ? 'settled' : 'failed');
    if (answer.kind === 'failed')
      assert.match(answer.reason, /^500 Internal Server Error: a{256}$/);
  }
  // What fits into the buffers of the sockets, not what the receiver would give.
  assert.ok(sent < 50_000_000, `${sent} octets`);
  receiver.manner = saying(200);
  assert.equal((await send(recordsFrom(1, 1))).kind, 'settled');
});

/** A server of bytes: answers each piece it hears as a test says. */
async function rawServer(answer: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, close: () => new Promise((resolve) => server.close(resolve)) };
}

const HEAD = 'HTTP/1.1 200 OK\r\n';
const RAW: Readonly<Record<string, (socket: Socket) => void>> = {
  'half a status line': (socket) => socket.end('HTTP/1.1 20'),
  'another protocol': (socket) => socket.end('220 mail.example.com ESMTP\r\n'),
  'no status': (socket) => socket.end('HTTP/1.1 abc OK\r\n\r\n'),
  'nothing at all': (socket) => socket.end(),
  'a head without end': (socket) => socket.write(`${HEAD}X: ${'a'.repeat(100_000)}`),
  'two lengths': (socket) => socket.end(`${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`),
  'a reset in the body': (socket) =>
    socket.write(`${HEAD}Content-Length: 100\r\n\r\nabc`, () => {
      setTimeout(() => socket.resetAndDestroy(), 30);
    }),
  'an end in the body': (socket) => socket.end(`${HEAD}Content-Length: 100\r\n\r\nabc`),
  'broken chunks': (socket) => socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc`),
  'another protocol asked for': (socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\n'),
  'only ever 100': (socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  },
};

for (const [what, answer] of Object.entries(RAW)) {
  test(`no answer settles a batch that is ${what}`, async () => {
    const { url, close } = await rawServer(answer);
    const sink = sinkFor({ url, timeout: '500ms' });
    const from = performance.now();
    const { reason } = failedOf(await sink.send(recordsFrom(1, 3), never));
    assert.ok(performance.now() - from < 20_000);
    assert.match(reason, /^[^\x00-\x1f\x7f]{3,300}$/);
    await sink.close();
    await close();
  });
}

test('an answer before the end of the request counts as it is', async (t) => {
  const { url, close } = await rawServer((socket) =>
    socket.end('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  );
  const sink = sinkFor({ url });
  t.after(async () => {
    await sink.close();
    await close();
  });
  const answer = await sink.send(recordsFrom(1, 1), never);
  assert.ok(answer.kind === 'settled');
  assert.equal(answer.refused[0]?.reason, '413 Content Too Large');
});
