/**
 * The route for suspensions over real sockets: what it lists, places, lifts and refuses.
 * Deliberately unknown here: the engine, which the test plays.
 */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { HttpListener } from '../../src/api/http.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import type { SuspendedSource } from '../../src/api/rule-show.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import { openHttp } from './http-parts.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const PATH = '/api/admin/suspend-source/v1';
const open: HttpListener[] = [];
let suspended: SuspendedSource[] = [];
let placed: string[] = [];

const control = {
  now: () => NOW,
  suspended: () => suspended,
  suspend(
    source: string,
    until: number,
    why: string,
    answered: (refusal: string | undefined) => void,
    by = '',
  ) {
    assert.equal(by, '127.0.0.1');
    placed.push(`${source} ${until - NOW} ${why}`);
    answered(source === 'nobody' ? 'there is no source nobody' : undefined);
  },
  resume(source: string, answered: (refusal: string | undefined) => void) {
    placed.push(`lift ${source}`);
    answered(source === 'free' ? 'source free is not suspended' : undefined);
  },
};

const METERS = {
  suspended: [{ source: 'ip-1', label: 'Unplumbed', value: 1 }],
  suspensions: [{ source: 'ip-1', label: 'Unplumbed', value: 2 }],
  failures: [{ source: 'ip-1', label: 'Unplumbed', value: 7 }],
  bindFailures: 8,
  proxyFailures: 3,
};

async function listen(options: Record<string, unknown> = {}): Promise<string> {
  const metrics = createMetrics(new WorkerMeters(), () => METERS);
  const { listener, base: at } = await openHttp({ metrics, sources: control }, options);
  open.push(listener);
  return at;
}

const base = await listen();

async function ask(method: string, body?: unknown): Promise<[status: number, answer: unknown]> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json' };
  const init = body === undefined ? { method } : { method, headers, body: text };
  const answer = await fetch(base + PATH, init);
  return [answer.status, await answer.json()];
}

beforeEach(() => {
  placed = [];
  suspended = [];
});

after(async () => {
  for (const listener of open) await listener.stop(0);
});

test('lists what is suspended, why, until when, and how long still', async () => {
  const cause = 'the source address is not on this machine';
  suspended = [{ source: 'ip-1', reason: 'Unplumbed', cause, until: NOW + 90_000 }];
  assert.deepEqual(await ask('GET'), [
    200,
    {
      suspended: [
        {
          source: 'ip-1',
          reason: 'Unplumbed',
          cause,
          until: '2026-11-22T12:01:30.000Z',
          remaining: '1m 30s',
        },
      ],
    },
  ]);
});

test('places a suspension for a time, or until one', async () => {
  const [status, said] = await ask('POST', { source: 'ip-1', duration: '1h', reason: 'a\nb' });
  assert.equal(status, 200);
  assert.deepEqual(said, { source: 'ip-1', until: '2026-11-22T13:00:00.000Z' });
  await ask('POST', { source: 'ip-1', expires: '2026-11-22T14:00:00+01:00' });
  await ask('POST', { source: 'ip-1' });
  assert.deepEqual(placed, [
    'ip-1 3600000 a b',
    'ip-1 3600000 by an operator',
    'ip-1 300000 by an operator',
  ]);
});

test('lifts one', async () => {
  assert.deepEqual(await ask('DELETE', { source: 'ip-1' }), [200, { source: 'ip-1' }]);
  assert.deepEqual(placed, ['lift ip-1']);
});

test('says in a sentence what makes no sense', async () => {
  const refused = async (method: string, body: unknown, status: number, words: RegExp) => {
    const [got, said] = await ask(method, body);
    assert.equal(got, status, JSON.stringify(said));
    assert.match((said as { error: string }).error, words);
  };
  await refused('POST', '{', 400, /not JSON/);
  await refused('POST', [1], 422, /is not an object/);
  await refused('POST', {}, 422, /source: is missing/);
  await refused('POST', { source: 7 }, 422, /source: 7 is not a text/);
  await refused('POST', { source: 'ip-1', until: 1 }, 422, /until: is not an option here/);
  await refused('POST', { source: 'ip-1', duration: 'soon' }, 422, /duration: /);
  await refused('POST', { source: 'ip-1', duration: 0 }, 422, /must lie in the future/);
  await refused('POST', { source: 'ip-1', expires: '2026-11-22' }, 422, /write it like/);
  const past = '2026-11-22T11:59:59Z';
  await refused('POST', { source: 'ip-1', expires: past }, 422, /must lie in the future/);
  const both = { source: 'ip-1', expires: past, duration: '5m' };
  await refused('POST', both, 422, /give one of them/);
  assert.deepEqual(placed, []);
  await refused('POST', { source: 'nobody' }, 404, /there is no source nobody/);
  await refused('DELETE', { source: 'free' }, 404, /not suspended/);
});

test('a peer that is not trusted changes nothing', async () => {
  const closed = await listen({ trusted_hosts: ['192.0.2.0/24'] });
  const body = JSON.stringify({ source: 'ip-1' });
  const headers = { 'content-type': 'application/json' };
  assert.equal((await fetch(closed + PATH, { method: 'POST', headers, body })).status, 401);
  assert.equal((await fetch(base + PATH, { method: 'POST', body })).status, 415);
  assert.deepEqual(placed, []);
});

test('the metrics show the health of sources', async () => {
  for (let turn = 0; turn < 2; turn += 1) {
    const page = await (await fetch(`${base}/metrics`)).text();
    for (const line of [
      'egress_source_health_suspended{source="ip-1",reason="Unplumbed"} 1',
      'egress_source_health_suspensions_total{source="ip-1",reason="Unplumbed"} 2',
      'egress_source_connection_failures_total{source="ip-1",kind="Unplumbed"} 7',
      'bind_failures 8',
      'proxy_connection_failures 3',
    ]) {
      assert.ok(page.split('\n').includes(line), line);
    }
  }
});
