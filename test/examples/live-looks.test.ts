/**
 * The commands that only look, against a daemon that runs: for people and as JSON. One daemon
 * serves all of them. Orders are in live-orders.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../faults/scratch.ts';
import { RunningCommand, waybill } from './cli-run.ts';
import { LiveDaemon, QUEUES } from './live-kit.ts';

const live = new LiveDaemon();

before(() => live.start());
after(() => live.stop());

test('status, from near and from afar', async () => {
  const far = await live.run('status');
  assert.match(far.out, /^mail +is taken$/m, far.err);
  assert.match(far.out, /^messages +2, 2 of them scheduled$/m);
  assert.match(far.out, /^queues +2, and 1 ready queues$/m);
  const json = await live.json<Record<string, unknown>>('status');
  assert.deepEqual([json['messages'], json['health']], [2, 'OK']);
  const near = await waybill('status', '--data', live.data);
  assert.match(near.out, /^manager +pid \d+/);
  assert.match(near.out, new RegExp(`listener +http ${live.endpoint.slice(7)}`));
});

test('why and hooks, by either way', async () => {
  const ways = [
    ['--endpoint', live.endpoint],
    ['--data', live.data],
  ] as const;
  for (const way of ways) {
    const why = await waybill('why', QUEUES[0], ...way);
    assert.match(why.out, new RegExp(`^queue ${QUEUES[0]}: `), why.err);
    const nobody = await waybill('why', 'nobody.example', ...way);
    assert.equal(nobody.code, 69);
    assert.match(nobody.err, /there is no queue nobody\.example.*; .*no .*source/i);
    assert.doesNotMatch(nobody.err, /journey/);
    const somebody = await waybill('why', 'who@nobody.example', ...way);
    assert.match(somebody.err, /; waybill journey who@nobody\.example finds the messages/);
    const hooks = await waybill('hooks', ...way);
    assert.match(hooks.out, /^webhook \(.*\): \w+, /, hooks.err);
    assert.match((await waybill('hooks', 'pause', 'webhook', ...way)).out, /paused/);
    const [hook] = JSON.parse((await waybill('hooks', ...way, '--json')).out) as {
      state: string;
    }[];
    assert.equal(hook?.state, 'paused');
    assert.equal((await waybill('hooks', 'resume', 'webhook', ...way)).code, 0);
    const unknown = await waybill('hooks', 'pause', 'nobody', ...way);
    assert.equal(unknown.code, 69);
    assert.match(unknown.err, /there is no log hook nobody/);
  }
});

test('queues and providers', async () => {
  type Said = {
    ready_queues: { name: string; source: string; transfailed: number }[];
    scheduled_queues: { name: string; count: number }[];
  };
  const said = await live.json<Said>('queue-summary');
  assert.deepEqual(
    said.scheduled_queues.map(({ name, count }) => [name, count]),
    [
      [QUEUES[0], 1],
      [QUEUES[1], 1],
    ],
  );
  const [ready] = said.ready_queues;
  assert.deepEqual([ready?.source, ready?.transfailed], ['ip-1', 2]);
  const shown = await live.run('queue-summary', '--by-volume', '--limit', '1');
  assert.match(shown.out, /^SITE +SOURCE +PROTO +D +T +C +Q\n.* +ip-1 +smtp_client +0 +2 +\d +0/);
  assert.match(shown.out, /\n\nSCHEDULED QUEUE +COUNT\none\.example +1\n$/);
  const one = await live.run('queue-summary', '--domain', QUEUES[1]);
  assert.ok(one.out.includes('two.example') && !one.out.includes('one.example'), one.out);

  const [provider] = await live.json<Record<string, unknown>[]>('provider-summary');
  assert.deepEqual([provider?.['provider'], provider?.['transfailed']], ['big', 2]);
  const pools = await live.run('provider-summary', '--by-pool', '--show-domains');
  assert.match(
    pools.out,
    /^PROVIDER +POOL +D +T +F +C +Q +DOMAINS\nbig +pool +0 +2 +0 /,
    pools.err,
  );
});

test('one message, one queue, one ready queue, one way', async () => {
  const queue = await live.run('inspect-sched-q', QUEUES[0], '--want-body');
  assert.match(queue.out, /^messages +1$/m, queue.err);
  assert.match(queue.out, /^retry_interval +1h$/m);
  assert.match(queue.out, /hello/);
  type Said = { messages: { id: string; message: { num_attempts: number } }[] };
  const { messages } = await live.json<Said>('inspect-sched-q', QUEUES[0], '--no-limit');
  const id = messages[0]?.id ?? '';
  assert.equal(messages[0]?.message.num_attempts, 1);
  const message = await live.run('inspect-message', id, '--want-body');
  assert.match(message.out, /^sender +p1@probe\.test$/m, message.err);
  assert.match(message.out, /^recipient +user@one\.example$/m);
  assert.match(message.out, /\nhello/);
  assert.ok(!(await live.run('inspect-message', id)).out.includes('hello'));
  const gone = await live.run('inspect-message', '0'.repeat(32));
  assert.equal(gone.code, 69);
  assert.match(gone.err, /there is no message 0+ here/);

  const way = await live.run('resolve-egress-path', QUEUES[0], 'ip-1');
  const name = /^queue: +(.*)$/m.exec(way.out)?.[1] ?? '';
  assert.match(name, /^ip-1->.*@smtp_client$/, way.err);
  assert.match(way.out, /^ceilings:\n {2}max_concurrent_dispatchers: /m);
  const config = (await live.run('resolve-egress-path', QUEUES[0], 'ip-1', '--config')).out;
  assert.match(config, /^ {2}provider_name = big$/m);
  assert.doesNotMatch(config, /ceilings/);
  const ready = await live.run('inspect-ready-q', name, '--connections', '--config', '--sched-q');
  assert.match(ready.out, /^egress source: +ip-1$/m, ready.err);
  assert.match(ready.out, /^ready: 0$/m);
  assert.match(ready.out, /^scheduled queues:$/m);
  assert.match(ready.out, /^connections: \d+$/m);
  assert.equal((await live.run('inspect-ready-q', 'x->y@smtp_client')).code, 69);
});

test('top in plain lines and as JSON', async () => {
  const words = ['--update-interval', '0.2', '--count', '2'];
  const plain = await live.run('top', ...words);
  assert.equal(plain.code, 0, plain.err);
  const [line = ''] = plain.out.split('\n');
  assert.equal(plain.out.trim().split('\n').length, 2);
  assert.match(line, /^20\S+Z delivered\/s 0 .*scheduled 2 .*oldest \d.* in (one|two)\.example$/);
  const { out } = await live.run('top', ...words, '--json');
  const last = JSON.parse(out.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual([last['scheduled'], last['delivered'], last['queues']], [2, 0, 2]);
});

test('a conversation of ours, and one of a client', async () => {
  const filters = ['--domain', 'seen.example', '--only-new', '--only-one'];
  const client = new RunningCommand(
    ...[
      'trace-smtp-client',
      '--endpoint',
      live.endpoint,
      '--rcpt-to',
      'a@seen.example',
      ...filters,
    ],
  );
  const server = new RunningCommand(
    ...['trace-smtp-server', '--endpoint', live.endpoint, '--source', '127.0.0.0/8', '--only-new'],
    ...['--only-one', '--terse', '--color', 'yes'],
  );
  const raw = new RunningCommand('trace-smtp-server', '--endpoint', live.endpoint, '--json');
  let mails = 0;
  const untilAt = performance.now() + 60_000;
  // Whether a watcher is there already nobody says: mail is sent until all have seen some.
  const isDone = (): boolean =>
    client.out.includes('Closed') && server.out.includes('Closed') && raw.out.includes('"Closed"');
  while (!isDone() && performance.now() < untilAt) {
    mails += 1;
    await sendMail(live.smtpPort, `s${mails}@seen.example`);
    await until(isDone, 1_000);
  }
  raw.stop();
  assert.deepEqual(
    [await client.ended, await server.ended, await raw.ended],
    [0, 0, 0],
    client.err + server.err + raw.err,
  );
  assert.match(client.out, /^\[\S+\] 0ms === BeginSession\n/);
  assert.match(client.out, /^\[\S+\] [\d.]+m?s -> RCPT TO:<a@seen\.example>/m);
  assert.match(client.out, /^\[\S+\] [\d.]+m?s <- 451 4\.3\.0 later$/m);
  assert.match(client.out, /^\[\S+\] [\d.]+m?s \+ egress_source = ip-1$/m);
  const sessions = new Set(client.out.match(/^\[\S+\]/gm));
  assert.equal(sessions.size, 1, 'one session');
  assert.ok(server.out.includes('\u001b[32m-> 250'), 'coloured although no terminal');
  assert.match(server.out, /=== id: [0-9a-f]{32}/);
  const events = raw.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { payload: unknown });
  assert.ok(events.some(({ payload }) => payload === 'Connected'));
});

test('a trace that is refused says why', async () => {
  const wrong = await live.run('trace-smtp-client', '--source', 'nowhere');
  assert.equal(wrong.code, 64);
  assert.match(wrong.err, /Expected a network such as/);
  const guarded = await waybill('trace-smtp-server', '--endpoint', live.guarded);
  assert.equal(guarded.code, 77, guarded.err);
  const nobody = await waybill('trace-smtp-server', '--endpoint', 'http://127.0.0.1:9');
  assert.equal(nobody.code, 69);
  assert.match(nobody.err, /no waybilld answers at/);
});

/** One message on a connection of its own. */
function sendMail(port: number, from: string): Promise<void> {
  const lines = [
    'EHLO client.example',
    `MAIL FROM:<${from}>`,
    'RCPT TO:<a@seen.example>',
    'DATA',
    'Subject: seen\r\n\r\nbody\r\n.',
    'QUIT',
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    socket.on('data', (text: string) => {
      if (!/^\d{3} [^\n]*\n$/m.test(text)) return;
      const line = lines.shift();
      if (line !== undefined) socket.write(`${line}\r\n`);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}
