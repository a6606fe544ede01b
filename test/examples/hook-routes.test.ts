/**
 * The routes and metrics of log hooks over real sockets: what is asked of the hooks, what is
 * answered, what is refused. Deliberately unknown here: threads and the log; the test plays them.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { AdminCommand } from '../../src/actors/admin/wishes.ts';
import { showHook } from '../../src/api/hook-routes.ts';
import type { HttpListener } from '../../src/api/http.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { describeHooks } from '../../src/cli/hooks.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import type {
  HookAnswer,
  HookDesk,
  HookOrder,
  HookStatus,
} from '../../src/projections/hook-status.ts';
import { NO_DESK, openHttp } from './http-parts.ts';

const HOOKS: readonly HookStatus[] = [
  {
    name: 'webhook',
    sink: 'http',
    state: 'backingOff',
    position: 70,
    lagRecords: 1_230,
    lagSeconds: 65.5,
    ready: 3,
    failures: 2,
    lastError: { at: Date.UTC(2026, 10, 22, 15), text: '503 busy' },
    shipped: 60,
    failedBatches: 4,
    deadLettered: 1,
    fellOff: 5,
    replays: [{ position: 7, until: 9 }],
  },
  {
    name: 'audit',
    sink: 'kafka',
    state: 'watching',
    position: 1_300,
    lagRecords: 0,
    lagSeconds: 0,
    ready: 0,
    failures: 0,
    shipped: 1_300,
    failedBatches: 0,
    deadLettered: 0,
    fellOff: 0,
  },
];

const asked: HookOrder[] = [];
const noted: AdminCommand[] = [];
let answer: HookAnswer = { kind: 'done', said: 'so it is' };
const desk: HookDesk = {
  ask: async (order) => {
    asked.push(order);
    return order.do === 'list' ? { kind: 'hooks', hooks: HOOKS } : answer;
  },
};

let listener: HttpListener;
let base = '';

before(async () => {
  const meters = new WorkerMeters();
  meters.hooks = () => desk.ask({ do: 'list' });
  ({ listener, base } = await openHttp({
    metrics: createMetrics(meters),
    admin: {
      ...NO_DESK,
      command: (command) => {
        noted.push(command);
        return Promise.resolve(undefined);
      },
    },
    hooks: desk,
  }));
});

after(async () => listener.stop(0));

async function post(verb: string, body: unknown): Promise<readonly [number, unknown]> {
  const said = await fetch(`${base}/api/admin/hooks/${verb}/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return [said.status, await said.json()];
}

test('the list says how each hook is', async () => {
  const said = await fetch(`${base}/api/admin/hooks/v1`);
  const [webhook, audit] = (await said.json()) as Record<string, unknown>[];
  assert.deepEqual(webhook, {
    name: 'webhook',
    sink: 'http',
    state: 'backingOff',
    position: 70,
    lag_records: 1_230,
    lag_seconds: 65.5,
    ready: 3,
    failures: 2,
    last_error: { at: '2026-11-22T15:00:00.000Z', text: '503 busy' },
    shipped: 60,
    failed_batches: 4,
    dead_lettered: 1,
    fell_off: 5,
    replays: [{ position: 7, until: 9 }],
  });
  assert.equal(audit?.['last_error'], null);
});

test('a wish is passed on as it was meant, and answered when it was done', async () => {
  asked.length = 0;
  answer = { kind: 'done', said: 'so it is' };
  assert.deepEqual(await post('pause', { name: 'webhook' }), [200, { said: 'so it is' }]);
  await post('resume', { name: 'webhook' });
  await post('skip', { name: 'webhook' });
  await post('skip', { name: 'webhook', records: 20 });
  const span = { from: '2026-11-22T13:00:00Z', to: '2026-11-22T15:00:00+01:00' };
  await post('replay', { name: 'webhook', ...span });
  assert.deepEqual(asked, [
    { do: 'pause', name: 'webhook' },
    { do: 'resume', name: 'webhook' },
    { do: 'skip', name: 'webhook', records: 'batch' },
    { do: 'skip', name: 'webhook', records: 20 },
    {
      do: 'replay',
      name: 'webhook',
      from: Date.UTC(2026, 10, 22, 13),
      to: Date.UTC(2026, 10, 22, 14),
    },
  ]);
});

test('what cannot be done is refused with its reason', async () => {
  answer = { kind: 'unknown', said: 'there is no log hook nobody' };
  assert.deepEqual(await post('pause', { name: 'nobody' }), [
    404,
    { error: 'POST /api/admin/hooks/pause/v1: there is no log hook nobody' },
  ]);
  answer = { kind: 'refused', said: 'it is not paused' };
  assert.equal((await post('resume', { name: 'webhook' }))[0], 409);
  const [code, said] = await post('skip', { name: 'webhook', record: 2 });
  assert.equal(code, 422);
  assert.deepEqual(said, {
    error:
      'POST /api/admin/hooks/skip/v1: record: is not an option here; ' + "did you mean 'records'?",
  });
  const backwards = { from: '2026-11-22T14:00:00Z', to: '2026-11-22T14:00:00Z' };
  assert.equal((await post('replay', { name: 'webhook', ...backwards }))[0], 422);
  assert.equal((await post('replay', { name: 'webhook', from: '14:00', to: '15:00' }))[0], 422);
  assert.equal((await post('pause', {}))[0], 422);
});

test('a scrape asks once, and shows every hook', async () => {
  asked.length = 0;
  const page = await (await fetch(`${base}/metrics`)).text();
  assert.deepEqual(asked, [{ do: 'list' }]);
  for (const line of [
    'log_hook_lag_records{hook="webhook"} 1230',
    'log_hook_lag_seconds{hook="webhook"} 65.5',
    'log_hook_backlog_count{logger="webhook"} 1230',
    'log_hook_ready_records{hook="webhook"} 3',
    'log_hook_failures{hook="webhook"} 2',
    'log_hook_records_shipped_total{hook="audit"} 1300',
    'log_hook_batches_failed_total{hook="webhook"} 4',
    'log_hook_records_dead_lettered_total{hook="webhook"} 1',
    'log_hook_positions_fallen_off_total{hook="webhook"} 5',
    'log_hook_state{hook="webhook",state="backingOff"} 1',
  ]) {
    assert.ok(page.includes(`\n${line}\n`), line);
  }
});

test('people read it in lines', () => {
  assert.equal(
    describeHooks(HOOKS.map(showHook)),
    [
      'webhook (http): backingOff, 1,230 records behind, 1 m 5 s',
      '  position 70, 60 shipped, 1 dead letters, 4 failed batches, 5 positions fell off',
      '  2 failures in a row',
      '  last error 2026-11-22T15:00:00.000Z: 503 busy',
      '  replay at 7 of 9',
      'audit (kafka): watching, up to date',
      '  position 1300, 1,300 shipped, 0 dead letters, 0 failed batches',
    ].join('\n'),
  );
  assert.equal(describeHooks([]), 'no log hooks are set up');
});
