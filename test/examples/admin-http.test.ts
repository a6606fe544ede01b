/**
 * What operators order over HTTP, on the real daemon with a next hop of its own: suspensions of
 * queues and ready queues, bounces, rebinds, each told from what reaches the next hop and when.
 * Deliberately unknown here: the engine's inside, what is refused (admin-requests), and the laws
 * over all histories (test/property).
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon } from '../faults/daemon.ts';
import { makeProbe } from '../faults/probe-mail.ts';
import { makeScratch, pause, until } from '../faults/scratch.ts';
import { sendAll } from '../faults/sender.ts';
import type { Copy } from '../faults/target.ts';
import { Target } from '../faults/target.ts';
import { verifyData } from '../faults/verify.ts';

const SUSPEND = '/api/admin/suspend/v1';
const SUSPEND_READY = '/api/admin/suspend-ready-q/v1';
const BOUNCE = '/api/admin/bounce/v1';
const REBIND = '/api/admin/rebind/v1';
const SHAPE = { domains: 5, bodyBytes: 300, pairEvery: 0 };
/** From an end to the first copy: a tick, a dial, a conversation, and a busy machine. */
const SOON_MS = 1_500;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const scratch = makeScratch('admin-http');
const data = join(scratch.path, 'data');
const policy = join(scratch.path, 'policy.ts');
/** Messages that are put off for an hour. */
const later = new Set<number>();
const target = new Target((number) => (later.has(number) ? 'defer' : 'take'));
let hop = '';
let daemon: Daemon;
let base = '';
let sent = 0;

const POLICY = (port: number): string => `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
  },
  get_queue_config: () => ({
    egress_pool: 'both',
    protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } },
    retry_interval: '1h',
  }),
  get_egress_pool: () => ({ entries: [{ name: 'one' }, { name: 'two' }] }),
  get_egress_source: (name) => ({
    source_address: name === 'one' ? '127.0.0.1' : '127.0.0.2',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

async function start(): Promise<void> {
  daemon = new Daemon(policy, data, { shape: 'single' });
  await daemon.demandPort();
  const run = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as {
    httpListeners: string[];
  };
  base = `http://${run.httpListeners[0]}`;
}

before(async () => {
  mkdirSync(scratch.path, { recursive: true });
  const port = await target.open();
  hop = `mx_list:127.0.0.1:${port}@smtp_client`;
  writeFileSync(policy, POLICY(port));
  await start();
});

after(async () => {
  await daemon.kill();
  await target.close();
  scratch.remove();
});

async function ask(method: string, path: string, body?: unknown) {
  const sending =
    body === undefined
      ? { method }
      : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(base + path, sending);
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, body: isJson ? (JSON.parse(text) as unknown) : text };
}

/** Places or orders something; answers its id. */
async function order(path: string, body: unknown): Promise<string> {
  const answer = await ask('POST', path, body);
  const { id } = answer.body as { id: string };
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.match(id, ID);
  return id;
}

/** Hands over `count` messages for `d<domain>.example`; answers their numbers. */
async function send(domain: number, count: number, isLater = false): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) {
    sent += 1;
    if (sent % SHAPE.domains === domain) numbers.push(sent);
  }
  if (isLater) for (const number of numbers) later.add(number);
  const answers: string[] = [];
  await sendAll(
    numbers.map((number) => makeProbe(number, SHAPE)),
    { lines: 2, port: () => daemon.port(), answered: ({ kind }) => answers.push(kind) },
  );
  assert.deepEqual(
    answers,
    Array.from({ length: count }, () => 'taken'),
    daemon.tail,
  );
  return numbers;
}

const copiesOf = (numbers: readonly number[]): Copy[] =>
  target.copies.filter(({ number }) => numbers.includes(number));
const arrived = (numbers: readonly number[], ms: number): Promise<boolean> =>
  until(() => copiesOf(numbers).length === numbers.length, ms);
const tried = (numbers: readonly number[], ms: number): Promise<boolean> =>
  until(() => numbers.every((number) => target.tries.has(number)), ms);

test('a suspended domain waits until the second its suspension ends, others do not', async () => {
  const placedAt = Date.now();
  const reason = 'they asked for it';
  const id = await order(SUSPEND, { domain: 'D1.example', reason, duration: '3s' });
  const held = await send(1, 4);
  const free = await send(2, 2);
  assert.ok(await arrived(free, 5_000), 'the others went');
  const { body } = await ask('GET', SUSPEND);
  const [entry, ...more] = body as { duration: string }[];
  assert.deepEqual(more, []);
  assert.match(entry?.duration ?? '', /^([12]s( \d+ms)?|\d+ms)$/);
  assert.deepEqual(
    { ...entry, duration: '' },
    { id, campaign: null, tenant: null, domain: 'd1.example', reason, duration: '' },
  );
  assert.ok(await arrived(held, 10_000), 'and these in the end');
  const first = Math.min(...copiesOf(held).map(({ at }) => at)) - placedAt;
  assert.ok(first >= 3_000 && first < 3_000 + SOON_MS, `after ${first} ms`);
  assert.ok(held.every((number) => target.tries.get(number) === 1));
  assert.deepEqual(await ask('GET', SUSPEND), { status: 200, body: [] });
});

test('a suspension of named queues outlives the process, and ends at once by hand', async () => {
  const expires = new Date(Date.now() + 3_600_000).toISOString();
  const wish = { queue_names: ['d1.example', 'x@d3.example'], reason: 'r', expires };
  const first = await order(SUSPEND, wish);
  const id = await order(SUSPEND, { ...wish, queue_names: [...wish.queue_names].reverse() });
  const held = await send(1, 3);
  await daemon.kill();
  await start();
  const { body } = await ask('GET', SUSPEND);
  const entries = body as { id: string; queue_names: string[]; duration: string }[];
  assert.deepEqual(
    entries.map((entry) => entry.id),
    [id],
    'the same queues: it took the place of the first',
  );
  assert.match(entries[0]?.duration ?? '', /^59m /);
  await pause(500);
  assert.equal(copiesOf(held).length, 0);
  assert.equal((await ask('DELETE', SUSPEND_READY, { id })).status, 404, 'of another kind');
  assert.equal((await ask('DELETE', SUSPEND, { id: first })).status, 404);
  const liftedAt = Date.now();
  assert.equal((await ask('DELETE', SUSPEND, { id })).status, 200);
  assert.ok(await arrived(held, SOON_MS), `gone ${Date.now() - liftedAt} ms after`);
  assert.equal((await ask('DELETE', SUSPEND, { id })).status, 404);
});

test('a suspended ready queue gives its mail to the other source, or rests', async () => {
  const name = `one->${hop}`;
  const id = await order(SUSPEND_READY, { name, reason: 'r', duration: '1h' });
  const two = await send(1, 6);
  assert.ok(await arrived(two, 5_000));
  assert.deepEqual([...new Set(copiesOf(two).map(({ peer }) => peer))], ['127.0.0.2']);
  const other = await order(SUSPEND_READY, { name: `two->${hop}`, reason: 's', duration: 7200 });
  const none = await send(1, 4);
  await pause(700);
  assert.equal(copiesOf(none).length, 0);
  const { body } = await ask('GET', SUSPEND_READY);
  const entries = body as { id: string; name: string; duration: string; expires: string }[];
  assert.deepEqual(
    entries.map((entry) => [entry.id, entry.name]),
    [
      [id, name],
      [other, `two->${hop}`],
    ],
  );
  const inMs = Date.parse(entries[0]?.expires ?? '') - Date.now();
  assert.ok(inMs > 3_500_000 && inMs < 3_600_000, entries[0]?.expires);
  assert.equal((await ask('DELETE', SUSPEND_READY, { id })).status, 200);
  assert.ok(await arrived(none, SOON_MS));
  assert.deepEqual([...new Set(copiesOf(none).map(({ peer }) => peer))], ['127.0.0.1']);
  assert.equal((await ask('DELETE', SUSPEND_READY, { id: other })).status, 200);
});

test('a bounce ends what waits and what comes, is counted, and is over to the second', async () => {
  const waiting = await send(2, 40, true);
  const others = await send(4, 3, true);
  assert.ok(await tried([...waiting, ...others], 10_000));
  const orderedAt = Date.now();
  const wish = { domain: 'd2.example', reason: 'gone', duration: '3s', suppress_logging: true };
  const answer = await ask('POST', BOUNCE, wish);
  assert.equal(answer.status, 200);
  const { id, ...rest } = answer.body as { id: string };
  assert.deepEqual(rest, { bounced: {}, total_bounced: 0 });
  await send(2, 5);
  let listed: Record<string, unknown>[] = [];
  const isCounted = async (): Promise<boolean> => {
    listed = (await ask('GET', BOUNCE)).body as never;
    return listed[0]?.['total_bounced'] === 45;
  };
  while (!(await isCounted()) && Date.now() < orderedAt + 2_500) await pause(20);
  const nulls = { campaign: null, tenant: null, routing_domain: null };
  const counts = { bounced: { 'd2.example': 45 }, total_bounced: 45 };
  const { duration, ...entry } = listed[0] ?? {};
  assert.deepEqual(entry, { id, ...nulls, domain: 'd2.example', reason: 'gone', ...counts });
  assert.match(String(duration), /^([12]s( \d+ms)?|\d+ms)$/);
  assert.equal(
    target.copies.filter(({ at, number }) => at > orderedAt && number % 5 === 2).length,
    0,
  );
  await pause(orderedAt + 3_100 - Date.now());
  assert.deepEqual((await ask('GET', BOUNCE)).body, []);
  assert.equal((await ask('DELETE', BOUNCE, { id })).status, 404, 'it is over');
  assert.ok(await arrived(await send(2, 2), 5_000), 'what comes later goes');
  assert.ok(
    others.every((number) => target.tries.get(number) === 1),
    'others still wait',
  );
});

test('a bounce of everything is over as well, and can be taken back', async () => {
  const orderedAt = Date.now();
  await order(BOUNCE, { reason: 'all of it', duration: 1 });
  await pause(orderedAt + 1_100 - Date.now());
  assert.ok(await arrived(await send(0, 2), 5_000));
  const id = await order(BOUNCE, { reason: 'all of it' });
  assert.equal((await ask('DELETE', BOUNCE, { id })).status, 200);
  assert.ok(await arrived(await send(0, 2), 5_000));
});

test('a rebind flushes, or moves and keeps the schedule', async () => {
  const waiting = await send(3, 4, true);
  assert.ok(await tried(waiting, 10_000));
  later.clear();
  const wish = { domain: 'd3.example', reason: 'r', data: {} };
  assert.deepEqual(await ask('POST', REBIND, wish), { status: 200, body: {} });
  await ask('POST', REBIND, { ...wish, data: { tenant: 'x' } });
  await pause(500);
  assert.equal(copiesOf(waiting).length, 4, 'a changed queue is due at once');
  const again = await send(3, 3, true);
  assert.ok(await tried(again, 10_000));
  later.clear();
  assert.deepEqual(await ask('POST', REBIND, wish), { status: 200, body: {} });
  await pause(500);
  assert.equal(copiesOf(again).length, 0, 'an unchanged one keeps its time');
  await ask('POST', REBIND, { ...wish, always_flush: true });
  assert.ok(await arrived(again, SOON_MS), 'unless it is flushed');
});

test('the ledger balances over all of it', async () => {
  await daemon.stop();
  const { code, text } = verifyData(data);
  assert.equal(code, 0, text);
});
