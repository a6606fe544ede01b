/**
 * The sink seen from a client: what it answers, where it breaks off, what it records.
 * One idea: a scripted client sends text and looks at the replies; nothing of the sink is mocked.
 * Does not know how the sink is built.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Copy } from '../../src/cli/sink-copy.ts';
import type { RunningSink, SinkOptions } from '../../src/cli/sink-server.ts';
import { startSink } from '../../src/cli/sink-server.ts';

interface Client {
  readonly socket: Socket;
  /** Sends and waits until `replies` complete replies have come. */
  ask(text: string, replies: number): Promise<string[]>;
  readonly closed: Promise<string>;
}

const REPLY = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/;

const dial = (sink: RunningSink): Client => {
  const socket = connect(sink.port, sink.address);
  let heard = '';
  let look = (): void => undefined;
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    heard += text;
    look();
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
  const ask = (text: string, replies: number): Promise<string[]> =>
    new Promise((resolve) => {
      const got: string[] = [];
      look = () => {
        for (let next = REPLY.exec(heard); next !== null; next = REPLY.exec(heard)) {
          got.push(next[0].trimEnd());
          heard = heard.slice(next[0].length);
        }
        if (got.length < replies) return;
        look = () => undefined;
        resolve(got);
      };
      if (text !== '') socket.write(text);
      look();
    });
  return { socket, ask, closed };
};

const greet = async (sink: RunningSink, hello = 'EHLO'): Promise<Client> => {
  const client = dial(sink);
  await client.ask(`${hello} client.test\r\n`, 2);
  return client;
};

const withSink = async (
  options: SinkOptions,
  story: (sink: RunningSink) => Promise<void>,
): Promise<void> => {
  const sink = await startSink(options);
  try {
    await story(sink);
  } finally {
    await sink.stop();
  }
};

const codes = (replies: readonly string[]): string => replies.map((r) => r.slice(0, 3)).join(' ');

const envelope = (to: string, from = 'a@test'): string =>
  `MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`;

const MESSAGE = 'Message-ID: <m1@test>\r\nX-Waybill-Traffic: t-1\r\n\r\nHello\r\n..dot\r\n.\r\n';

test('a pipelined message is taken, with its dots unstuffed and its body summed', async () => {
  const copies: Copy[] = [];
  await withSink({ onCopy: (copy) => copies.push(copy) }, async (sink) => {
    const client = await greet(sink);
    assert.equal(codes(await client.ask(envelope('r@x.test'), 3)), '250 250 354');
    assert.equal(codes(await client.ask(`${MESSAGE}QUIT\r\n`, 2)), '250 221');
    await client.closed;
    const sha256 = createHash('sha256').update('Hello\r\n.dot\r\n').digest('hex');
    const bytes = MESSAGE.length - 4;
    const named = { messageId: '<m1@test>', xid: 't-1' };
    assert.deepEqual(copies, [{ from: 'a@test', to: ['r@x.test'], bytes, sha256, ...named }]);
    assert.equal(sink.counts().messages, 1);
    assert.equal(sink.counts().protocolErrors, 0);
  });
});

test('bytes that arrive one by one give the same message', async () => {
  const copies: Copy[] = [];
  await withSink({ onCopy: (copy) => copies.push(copy) }, async (sink) => {
    const client = await greet(sink);
    client.socket.setNoDelay(true);
    const answered = client.ask('', 4);
    for (const letter of envelope('r@x.test') + MESSAGE) {
      client.socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(codes(await answered), '250 250 354 250');
    assert.equal(copies[0]?.bytes, MESSAGE.length - 4);
  });
});

test('an empty message, then a second one in the same chunk', async () => {
  await withSink({}, async (sink) => {
    const client = await greet(sink);
    const both = `${envelope('r@x.test')}.\r\n${envelope('s@x.test')}Hi\r\n.\r\n`;
    assert.equal(codes(await client.ask(both, 8)), '250 250 354 250 250 250 354 250');
    assert.equal(sink.counts().messages, 2);
  });
});

test('addresses tell the sink what to answer', async () => {
  const expected: [to: string, replies: number, codes: string][] = [
    ['tempfail+1@x.test', 3, '250 451 554'],
    ['PermFail@x.test', 3, '250 550 554'],
    ['tempfail-data@x.test', 3, '250 250 451'],
    ['permfail-data@x.test', 3, '250 250 554'],
    ['tempfail-dot@x.test', 4, '250 250 354 451'],
    ['permfail-dot@x.test', 4, '250 250 354 554'],
    ['longreply@x.test', 4, '250 250 354 250'],
    ['slow+5@x.test', 4, '250 250 354 250'],
  ];
  await withSink({}, async (sink) => {
    for (const [to, replies, wanted] of expected) {
      const client = await greet(sink);
      const body = replies === 4 ? 'Hi\r\n.\r\n' : '';
      assert.equal(codes(await client.ask(envelope(to) + body, replies)), wanted, to);
      client.socket.destroy();
    }
    assert.deepEqual([sink.counts().deferred, sink.counts().refused], [3, 3]);
    const client = await greet(sink);
    const refused = await client.ask(envelope('r@x.test', 'refuse-mail@a.test'), 3);
    assert.equal(codes(refused), '550 503 503');
    assert.equal(sink.counts().protocolErrors, 0, 'pipelined behind a refusal is no fault');
    assert.equal(codes(await client.ask('RCPT TO:<r@x.test>\r\n', 1)), '503');
  });
});

test('addresses tell the sink where to break off', async () => {
  const expected: [to: string, heard: string][] = [
    ['disconnect421@x.test', '250 421'],
    ['drop-rcpt@x.test', '250'],
    ['drop-data@x.test', '250 250 354'],
    ['drop@x.test', '250 250 354'],
    ['reset@x.test', ''],
    ['disconnect421-dot@x.test', '250 250 354 421'],
  ];
  const endings: string[] = [];
  await withSink(
    { onCopy: (copy, ending) => endings.push(`${copy.to} ${ending}`) },
    async (sink) => {
      for (const [to, heard] of expected) {
        const client = await greet(sink);
        client.socket.write(`${envelope(to)}Hi\r\n.\r\n`);
        const text = (await client.closed).trimEnd();
        const got = text === '' ? '' : codes(text.split('\r\n'));
        // A reset throws away what the client has not read yet.
        if (to !== 'reset@x.test') assert.equal(got, heard, to);
      }
      assert.equal(sink.counts().messages, 0);
      assert.deepEqual(endings, ['drop@x.test unanswered', 'reset@x.test unanswered']);
    },
  );
});

test('greylist defers the first time only; hang keeps the connection and is silent', async () => {
  await withSink({}, async (sink) => {
    const client = await greet(sink);
    const rcpt = 'RCPT TO:<greylist@x.test>\r\n';
    assert.equal(codes(await client.ask(`MAIL FROM:<a@test>\r\n${rcpt}${rcpt}`, 3)), '250 451 250');
    assert.equal(codes(await client.ask('RCPT TO:<hang@x.test>\r\nDATA\r\n', 2)), '250 354');
    client.socket.write('Hi\r\n.\r\nNOOP\r\n');
    const silence = new Promise((resolve) => setTimeout(resolve, 50, 'silence'));
    assert.equal(await Promise.race([client.ask('', 1), silence]), 'silence');
    assert.deepEqual([sink.counts().hung, sink.counts().connectionsOpen], [1, 1]);
  });
});

test('shares strike as often as told, the same way for the same seed', async () => {
  const fates = async (seed: number): Promise<string> => {
    let heard = '';
    await withSink({ seed, defer: 0.3, refuse: 0.2 }, async (sink) => {
      const client = await greet(sink);
      const rcpts = 'RCPT TO:<r@x.test>\r\n'.repeat(400);
      heard = codes((await client.ask(`MAIL FROM:<a@test>\r\n${rcpts}`, 401)).slice(1));
    });
    return heard;
  };
  const first = await fates(7);
  assert.equal(await fates(7), first);
  assert.notEqual(await fates(8), first);
  const deferred = first.split(' ').filter((code) => code === '451').length;
  const refused = first.split(' ').filter((code) => code === '550').length;
  assert.ok(deferred > 85 && deferred < 155, `deferred ${deferred} of 400`);
  assert.ok(refused > 50 && refused < 110, `refused ${refused} of 400`);
});

test('the record tells copies, unanswered messages and refused recipients', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-sink-'));
  const recordFile = join(folder, 'record.jsonl');
  await withSink({ recordFile }, async (sink) => {
    const client = await greet(sink);
    const two = 'MAIL FROM:<a@test>\r\nRCPT TO:<tempfail@x.test>\r\nRCPT TO:<r@x.test>\r\nDATA\r\n';
    await client.ask(`${two}${MESSAGE}`, 5);
    client.socket.write(`${envelope('drop@x.test')}${MESSAGE}`);
    await client.closed;
  });
  const lines = readFileSync(recordFile, 'utf8').trimEnd().split('\n');
  const told = lines.map((line) => JSON.parse(line) as { kind: string; to: string[] });
  assert.deepEqual(
    told.map(({ kind, to }) => `${kind} ${to}`),
    ['refused tempfail@x.test', 'copy r@x.test', 'unanswered drop@x.test'],
  );
  rmSync(folder, { recursive: true });
});

test('LMTP answers once for each recipient taken', async () => {
  await withSink({ isLmtp: true }, async (sink) => {
    const client = dial(sink);
    const greeting = await client.ask('EHLO client.test\r\nLHLO client.test\r\n', 3);
    assert.equal(codes(greeting), '220 500 250');
    const to = ['r@x.test', 'permfail-dot@x.test', 'permfail@x.test', 's@x.test'];
    const rcpts = to.map((one) => `RCPT TO:<${one}>\r\n`).join('');
    const replies = await client.ask(`MAIL FROM:<>\r\n${rcpts}DATA\r\nHi\r\n.\r\n`, 9);
    assert.equal(codes(replies), '250 250 250 550 250 354 250 554 250');
  });
});

test('limits: size, messages on a connection, extensions left out, and the count', async () => {
  const without = ['pipelining', 'smtputf8'] as const;
  const options = { sizeMax: 100, perConnection: 2, count: 1, without };
  await withSink(options, async (sink) => {
    const client = dial(sink);
    const [, hello] = await client.ask('EHLO client.test\r\n', 2);
    assert.match(hello ?? '', /8BITMIME/);
    assert.doesNotMatch(hello ?? '', /PIPELINING|SMTPUTF8/);
    const announced = 'MAIL FROM:<a@test> SIZE=101\r\n';
    const big = `${envelope('r@x.test')}${'x'.repeat(150)}\r\n.\r\n`;
    assert.equal(codes(await client.ask(announced + big, 5)), '552 250 250 354 552');
    assert.equal(codes(await client.ask(`${envelope('r@x.test')}.\r\n`, 4)), '250 250 354 250');
    await sink.done;
    client.socket.write('MAIL FROM:<a@test>\r\n');
    assert.match(await client.closed, /^421 /);
  });
});

test('a delayed answer holds back what was sent behind it', async () => {
  await withSink({ delayMs: 40 }, async (sink) => {
    const client = await greet(sink);
    const sentAtMs = performance.now();
    const replies = await client.ask(`${envelope('r@x.test')}Hi\r\n.\r\nNOOP\r\n`, 5);
    assert.equal(codes(replies), '250 250 354 250 250');
    assert.ok(performance.now() - sentAtMs >= 39);
    assert.equal(sink.counts().delayed, 1);
  });
});
