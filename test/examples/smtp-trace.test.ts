/**
 * SMTP conversations in the sight of those who watch: what is shown of a session, that secrets are
 * not, who sees what, and that a watcher who cannot follow is told so and holds up nobody.
 * Deliberately unknown here: the engine.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as openSocket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import WebSocket from 'ws';
import type { HttpListener } from '../../src/api/http.ts';
import type { SmtpTraces } from '../../src/api/smtp-trace-hub.ts';
import {
  abbreviate,
  createSmtpTraces,
  KEPT_EVENTS_MAX,
  SmtpTraceHub,
  WATCHER_BYTES_MAX,
  WATCHERS_MAX,
} from '../../src/api/smtp-trace-hub.ts';
import { readTraceFilter } from '../../src/domain/trace-filter.ts';
import { createClock } from '../../src/ports/node/clock.ts';
import { createTimers } from '../../src/ports/node/timers.ts';
import type { TraceMeta, TracePayload } from '../../src/ports/smtp-trace.ts';
import { message, withPeer } from './connection-peer.ts';
import { openHttp } from './http-parts.ts';
import { KeptTrace } from './smtp-trace-kept.ts';

const clock = createClock();
const timers = createTimers();
const everything = readTraceFilter('client', {});

const nameOf = (payload: TracePayload): string =>
  typeof payload === 'string' ? payload : (Object.keys(payload)[0] as string);

test('a conversation is shown from beginning to end, with what is known by then', async () => {
  const sink = new KeptTrace();
  const about = { message_id: 'm1', queue_name: 'peer.test' };
  const queue = [{ ...message(1), about }];
  const request = { trace: { sink, about: { id: 'uuid', egress_source: 's' } } };
  await withPeer({}, { queue, request, path: { idle_timeout: '10ms' } }, async (host) => {
    await host.until('its end', () => host.ending !== undefined);
  });
  const names = sink.events.map(([, payload]) => nameOf(payload));
  assert.equal(names[0], 'BeginSession');
  assert.equal(names.at(-1), 'Closed');
  const once = ['BeginSession', 'Connected', 'MessageObtained', 'Closed'];
  for (const name of once) assert.equal(names.filter((one) => one === name).length, 1, name);
  const said = sink.events.flatMap(([, payload]) =>
    typeof payload !== 'string' && 'Write' in payload ? [payload.Write] : [],
  );
  assert.match(
    said.join(''),
    /^EHLO here\.test\r\nMAIL FROM:.*RCPT TO:.*DATA\r\n.*\.\r\nQUIT\r\n$/s,
  );
  const last = sink.events.findLast(([, payload]) => nameOf(payload) === 'Read');
  const meta: TraceMeta = last?.[0] ?? {};
  const { id, mx_host, mx_address, sender, recipient, message_id } = meta;
  assert.deepEqual(
    [id, mx_host, mx_address, sender, recipient, message_id],
    ['uuid', 'peer.test', '127.0.0.1', 'me@here.test', ['a@peer.test'], 'm1'],
  );
  assert.match(String(meta['source_address']), /^127\.0\.0\.1:\d+$/);
});

test('what we log in with is not shown, whatever the peer echoes', async () => {
  const sink = new KeptTrace();
  const password = 'open-sesame';
  const secret = Buffer.from(`\0me\0${password}`).toString('base64');
  const script = {
    ehlo: '250-peer.test\r\n250 AUTH PLAIN\r\n',
    auth: (line: string) => `235 welcome ${line.trim()} with ${password}\r\n`,
    mail: (line: string) => `250 ${line.trim()} ${secret} ${password}\r\n`,
  };
  const path = {
    smtp_auth_plain_username: 'me',
    smtp_auth_plain_password: { key_data: password },
    allow_smtp_auth_plain_without_tls: true,
  };
  const request = { authPassword: password, trace: { sink, about: {} } };
  await withPeer(script, { path, request }, async (host) => {
    await host.until('the settlement', () => host.settlements.length > 0);
  });
  const shown = JSON.stringify(sink.events);
  assert.match(shown, /AUTH PLAIN \*\*\*/);
  assert.match(shown, /235 \*\*\*/);
  assert.ok(!shown.includes(secret) && !shown.includes(password), shown);
});

test('nobody watches: no event is made', async () => {
  const sink = new KeptTrace();
  sink.isWatched = false;
  const request = { trace: { sink, about: {} } };
  await withPeer({}, { request }, async (host) => {
    await host.until('the settlement', () => host.settlements.length > 0);
  });
  assert.deepEqual(sink.events, []);
});

test('a list leaves out only events that say what it is about', () => {
  const { passes } = readTraceFilter('client', {
    rcpt_to: ['a@x.test'],
    ready_queue: ['one'],
    mx_addr: ['192.0.2.0/24'],
    tenant: null,
  });
  assert.ok(passes({}));
  assert.ok(passes({ ready_queue_name: 'one', recipient: ['b@x.test', 'a@x.test'] }));
  assert.ok(!passes({ ready_queue_name: 'two' }));
  assert.ok(!passes({ recipient: ['b@x.test'] }));
  assert.ok(passes({ mx_address: '192.0.2.9' }));
  assert.ok(!passes({ mx_address: '198.51.100.1' }));
  const server = readTraceFilter('server', { source_addr: ['2001:db8::/32'] });
  assert.ok(server.passes({ received_from: '[2001:db8::1]:99' }));
  assert.ok(!server.passes({ received_from: '192.0.2.1:99' }));
  assert.throws(() => readTraceFilter('client', { tennant: ['a'] }), /tennant.*tenant/);
  assert.throws(() => readTraceFilter('server', { tenant: ['a'] }), /tenant/);
});

test('terse: the first line and the length, where there is more', () => {
  const body = { Write: 'Subject: x\r\n\r\nhello\r\n.\r\n' };
  const len = Buffer.byteLength(body.Write);
  assert.deepEqual(abbreviate(body, 'Write'), {
    AbbreviatedWrite: { snippet: 'Subject: x', len },
  });
  assert.equal(abbreviate(body, 'Read'), body);
  const line = { Write: 'QUIT\r\n' };
  assert.equal(abbreviate(line, 'Write'), line);
  assert.equal(abbreviate('Closed', 'Write'), 'Closed');
});

test('who cannot follow loses events, is told how many, and keeps nobody waiting', () => {
  const hub = new SmtpTraceHub(clock);
  const sent: string[] = [];
  const line = { waitingBytes: 0, send: (text: string) => void sent.push(text) };
  hub.enter(line)?.want(everything);
  hub.note({}, 'Connected');
  line.waitingBytes = WATCHER_BYTES_MAX;
  for (let at = 0; at < 5; at += 1) hub.note({}, { Read: 'x' });
  line.waitingBytes = 0;
  hub.note({}, 'Closed');
  assert.equal(sent.length, 3);
  assert.match(sent[1] as string, /"conn_meta":null.*"level":"ERROR".*5 events were missed/);
  assert.match(sent[2] as string, /Closed/);
});

test('what happens before the request is kept, as far as the bound goes', () => {
  const hub = new SmtpTraceHub(clock);
  const sent: string[] = [];
  const watcher = hub.enter({ waitingBytes: 0, send: (text) => void sent.push(text) });
  for (let at = 0; at < KEPT_EVENTS_MAX + 7; at += 1) hub.note({ tenant: 'a' }, 'Connected');
  hub.note({ tenant: 'b' }, 'Connected');
  assert.equal(sent.length, 0);
  watcher?.want(readTraceFilter('client', { tenant: ['a'] }));
  hub.note({ tenant: 'a' }, 'Closed');
  assert.equal(sent.length, KEPT_EVENTS_MAX + 2);
  assert.ok(sent.some((text) => text.includes('8 events were missed')));
  watcher?.leave();
  assert.equal(hub.isWatched, false);
});

const open: HttpListener[] = [];

after(async () => {
  for (const listener of open) await listener.stop(0);
});

async function listen(traces: SmtpTraces, options: object = {}): Promise<string> {
  const { listener } = await openHttp({ traces }, { ...options });
  open.push(listener);
  return `ws://127.0.0.1:${listener.port}/api/admin/trace-smtp-client/v1`;
}

interface Line {
  readonly socket: WebSocket;
  readonly frames: string[];
  readonly ended: Promise<[code: number, reason: string]>;
}

async function connect(url: string): Promise<Line> {
  const socket = new WebSocket(url);
  const frames: string[] = [];
  socket.on('message', (data) => frames.push(data.toString()));
  const ended = new Promise<[number, string]>((resolve) => {
    socket.once('close', (code, reason) => resolve([code, reason.toString()]));
  });
  await new Promise((done, failed) => socket.once('open', done).once('error', failed));
  return { socket, frames, ended };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let left = 500; left > 0 && !isSo(); left -= 1) await pause(10);
  assert.ok(isSo());
}

test('over a websocket: a request, then an event a frame, until it is closed', async () => {
  const traces = createSmtpTraces(clock, timers);
  const { socket, frames } = await connect(await listen(traces));
  await until(() => traces.client.isWatched);
  socket.send(JSON.stringify({ tenant: ['a'], terse: true }));
  traces.client.note({ tenant: 'b' }, 'Connected');
  traces.client.note({ tenant: 'a' }, { Write: 'one\r\ntwo\r\n' });
  await until(() => frames.length === 1);
  const { conn_meta, payload, when } = JSON.parse(frames[0] as string);
  assert.deepEqual(conn_meta, { tenant: 'a' });
  assert.deepEqual(payload, { AbbreviatedWrite: { snippet: 'one', len: 10 } });
  assert.ok(Math.abs(Date.parse(when) - Date.now()) < 60_000);
  socket.close();
  await until(() => !traces.client.isWatched);
  assert.equal(traces.server.isWatched, false);
});

test('over a websocket: bad requests, second ones and too many are turned away', async () => {
  const traces = createSmtpTraces(clock, timers);
  const url = await listen(traces);
  const misspelt = await connect(url);
  misspelt.socket.send('{"tennant":["a"]}');
  const [code, reason] = await misspelt.ended;
  assert.equal(code, 1008);
  assert.match(reason, /tennant/);
  const garbled = await connect(url);
  garbled.socket.send('{');
  assert.deepEqual(await garbled.ended, [1008, 'the request is no JSON']);
  const wide = await connect(url);
  // More octets than a reason may have, in fewer characters.
  wide.socket.send(JSON.stringify({ ['ж'.repeat(100)]: 1 }));
  const [refused, cut] = await wide.ended;
  assert.equal(refused, 1008);
  assert.match(cut, /^trace-smtp-client: ж+$/);
  const twice = await connect(url);
  twice.socket.send('{}');
  twice.socket.send('{}');
  assert.equal((await twice.ended)[0], 1008);
  await until(() => !traces.client.isWatched);
  const lines = await Promise.all(Array.from({ length: WATCHERS_MAX }, () => connect(url)));
  const late = await connect(url);
  assert.equal((await late.ended)[0], 1013);
  for (const { socket } of lines) socket.terminate();
});

test('over a websocket: peers outside trusted_hosts see nothing', async () => {
  const traces = createSmtpTraces(clock, timers);
  const url = await listen(traces, { trusted_hosts: ['192.0.2.1'] });
  await assert.rejects(connect(url), /401/);
  assert.equal(traces.client.isWatched, false);
});

test('over a websocket: who is refused keeps no line open', async () => {
  const traces = createSmtpTraces(clock, timers);
  const { port } = new URL(await listen(traces, { trusted_hosts: ['192.0.2.1'] }));
  const socket = openSocket({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  const key = `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n`;
  const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\n${key}`;
  const path = '/api/admin/trace-smtp-client/v1';
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${upgrade}Sec-WebSocket-Version: 13\r\n\r\n`);
  let heard = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard += text;
  });
  await once(socket, 'end');
  assert.match(heard, /^HTTP\/1\.1 401 /);
  // Our side stays open: the listener is to end all the same.
  await open.pop()?.stop(0);
  socket.destroy();
});

test('over a websocket: who asks without one is told', async () => {
  const url = (await listen(createSmtpTraces(clock, timers))).replace('ws:', 'http:');
  const answer = await fetch(url);
  assert.equal(answer.status, 426);
  assert.equal(answer.headers.get('upgrade'), 'websocket');
  const { error } = (await answer.json()) as { error: string };
  assert.match(error, /trace-smtp-client\/v1 is a websocket: ask for it with an upgrade$/);
});
