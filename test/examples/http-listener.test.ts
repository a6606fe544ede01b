/**
 * An HTTP listener over real sockets: who may come in, what the routes answer, what is refused.
 * Deliberately unknown here: manager and engine, which the test plays.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HttpListener } from '../../src/api/http.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { LabelCounts } from '../../src/domain/label-counts.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import { httpParts, openHttp } from './http-parts.ts';

const BUMP = '/api/admin/bump-config-epoch';
const meters = new WorkerMeters();
const bumps: string[] = [];
let whyNot: string | undefined;
const open: HttpListener[] = [];

const NO_SOURCES = {
  suspended: [],
  suspensions: [],
  failures: [],
  bindFailures: 0,
  proxyFailures: 0,
};

async function listen(options: Record<string, unknown> = {}): Promise<string> {
  const { listener, base } = await openHttp(
    {
      metrics: createMetrics(meters, () => NO_SOURCES),
      whyNotAlive: () => whyNot,
      policy: { ...httpParts().policy, requestBump: (reason) => bumps.push(reason) },
      explain: ({ kind, name }) =>
        name === 'known' ? { subject: { kind, name }, reasons: [] } : `there is no ${kind} ${name}`,
    },
    options,
  );
  open.push(listener);
  return base;
}

after(async () => {
  for (const listener of open) await listener.stop(0);
});

describe('a trusted peer', () => {
  let base = '';
  before(async () => {
    base = await listen();
  });

  test('bumps the epoch with an empty 200', async () => {
    const answer = await fetch(base + BUMP, { method: 'POST' });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), '');
    assert.deepEqual(bumps, [`POST ${BUMP} by 127.0.0.1`]);
    for (const kind of ['application/json', 'application/x-www-form-urlencoded', 'a/b']) {
      const headers = { 'content-type': kind };
      for (const body of ['', '{']) {
        assert.equal((await fetch(base + BUMP, { method: 'POST', headers, body })).status, 200);
      }
    }
    assert.equal(bumps.length, 7);
    assert.equal((await fetch(base + BUMP)).status, 404);
  });

  test('learns whether mail is taken', async () => {
    const alive = await fetch(`${base}/api/check-liveness/v1`);
    assert.equal(`${alive.status} ${await alive.text()}`, '200 OK');
    whyNot = '421 4.3.2 the service is stopping';
    const not = await fetch(`${base}/api/check-liveness/v1`);
    assert.equal(`${not.status} ${await not.text()}`, `503 ${whyNot}`);
    whyNot = undefined;
  });

  test('reads the metrics as they are when asked', async () => {
    meters.version = 4;
    meters.epoch = 9;
    meters.counters = { activations: 3, refusals: 2, workerRestarts: 1 };
    meters.faulted('get_queue_config');
    meters.faulted('get_queue_config');
    const messageRate = new LabelCounts();
    messageRate.add('a.test');
    messageRate.add('a.test');
    const none = new LabelCounts();
    meters.delays = { messageRate, insertThrottle: none, readyFull: none };
    for (let turn = 0; turn < 2; turn += 1) {
      const page = await (await fetch(`${base}/metrics`)).text();
      for (const line of [
        'config_epoch 9',
        'policy_version 4',
        'policy_activations_total 3',
        'policy_refusals_total 2',
        'worker_restarts_total 1',
        'policy_handler_faults_total{handler="get_queue_config"} 2',
        'delayed_due_to_message_rate_throttle{queue="a.test"} 2',
      ]) {
        assert.match(page, new RegExp(`^${line.replace(/[{}".]/g, '\\$&')}$`, 'm'));
      }
    }
  });

  test('asks why something waits', async () => {
    const why = `${base}/api/admin/why/v1`;
    const answer = await fetch(`${why}?queue=known`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), {
      subject: { kind: 'queue', name: 'known' },
      reasons: [],
    });
    const missing = await fetch(`${why}?message=other`);
    assert.equal(missing.status, 404);
    assert.deepEqual(await missing.json(), { error: 'there is no message other' });
    for (const query of ['', '?queue=a&source=b', '?nothing=a', '?queue=a&queue=b']) {
      assert.equal((await fetch(why + query)).status, 400, query);
    }
  });

  test('sends no more than the listener takes', async () => {
    const small = await listen({ request_body_limit: 10 });
    const body = 'x'.repeat(11);
    const headers = { 'content-type': 'text/plain' };
    const answer = await fetch(small + BUMP, { method: 'POST', body, headers });
    assert.equal(answer.status, 413);
  });
});

test('any other peer is refused, whatever it asks', async () => {
  const base = await listen({ trusted_hosts: ['192.0.2.0/24'] });
  const before = bumps.length;
  const method = 'POST';
  assert.equal((await fetch(base + BUMP, { method })).status, 401);
  assert.equal((await fetch(`${base}/metrics`)).status, 401);
  assert.equal((await fetch(`${base}/nothing`)).status, 401);
  assert.equal(bumps.length, before);
});

test('an address in use is told', async () => {
  const base = await listen();
  await assert.rejects(listen({ listen: new URL(base).host }), { code: 'EADDRINUSE' });
});
