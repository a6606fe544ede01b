/**
 * The HTTP interface on the real daemon: a message put off by its next hop is found with its body,
 * its queue and its ready queue; process, policy and log answer; a token of the policy opens what
 * its rules say, and who did what is in the log. Deliberately unknown here: shapes of answers
 * (inspect), what is refused (http-openapi).
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { Daemon } from '../faults/daemon.ts';
import { makeProbe } from '../faults/probe-mail.ts';
import { makeScratch, until } from '../faults/scratch.ts';
import { sendAll } from '../faults/sender.ts';
import { Target } from '../faults/target.ts';
import { verifyData } from '../faults/verify.ts';

const SHAPE = { domains: 1, bodyBytes: 3_000, pairEvery: 0 };
const scratch = makeScratch('http-daemon');
const data = join(scratch.path, 'data');
const target = new Target(() => 'defer');
let daemon: Daemon;
let base = '';
let guarded = '';

const POLICY = (port: number): string => `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0', trusted_hosts: ['192.0.2.1'] });
  },
  http_server_validate_auth_bearer: async (token) =>
    token === 'deploy-token' && {
      peer_address: null,
      identities: [{ identity: 'deploy', context: 'BearerToken' }],
      groups: ['ops'],
    },
  get_acl_definition: (resource) =>
    resource === 'http_listener/*/api/admin/bump-config-epoch'
      ? [{ allow: true, privileges: ['POST'], identity: { Group: 'ops' } },
         { allow: true, privileges: ['POST'], identity: { Machine: '127.0.0.1' } }]
      : undefined,
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } },
    retry_interval: '1h',
  }),
  get_egress_path_config: () => ({ prohibited_hosts: [], enable_tls: 'Disabled' }),
});
`;

before(async () => {
  mkdirSync(scratch.path, { recursive: true });
  const policy = join(scratch.path, 'policy.ts');
  writeFileSync(policy, POLICY(await target.open()));
  daemon = new Daemon(policy, data, { shape: 'single' });
  await daemon.demandPort();
  const { httpListeners } = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as {
    httpListeners: string[];
  };
  [base = '', guarded = ''] = httpListeners.map((place) => `http://${place}`);
  await sendAll([makeProbe(1, SHAPE), makeProbe(2, SHAPE)], {
    lines: 1,
    port: () => daemon.port(),
    answered: () => {},
  });
  assert.ok(await until(() => target.tries.has(1) && target.tries.has(2), 10_000));
});

after(async () => {
  await daemon.kill();
  await target.close();
  scratch.remove();
});

async function get(path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(base + path);
  const text = await answer.text();
  assert.equal(answer.status, 200, `${path}: ${text}`);
  return answer.headers.get('content-type')?.startsWith('application/json')
    ? (JSON.parse(text) as Record<string, unknown>)
    : { text };
}

const post = (path: string, body: object) =>
  fetch(base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('a message, its queue and its ready queue', async () => {
  const { queues } = await get('/api/admin/queues');
  const [line] = queues as { queue_name: string; messages: number; last_error: { code: number } }[];
  assert.equal(line?.messages, 2);
  assert.equal(Math.trunc((line?.last_error.code ?? 0) / 100), 4);
  const name = line?.queue_name ?? '';
  const path = `/api/admin/inspect-sched-q/v1?queue_name=${name}&limit=9&want_body=true`;
  const { messages } = await get(path);
  const listed = messages as { id: string; message: { data: string; num_attempts: number } }[];
  assert.equal(listed.length, 2);
  for (const { id, message } of listed) {
    assert.equal(message.num_attempts, 1);
    assert.ok(message.data.length >= SHAPE.bodyBytes, `${message.data.length}`);
    const alone = await get(`/api/admin/inspect-message/v1?id=${id}&want_body=true`);
    assert.equal((alone['message'] as { data: string }).data, message.data);
  }
  const { states_by_ready_queue: states } = await get('/api/admin/ready-q-states/v1');
  const [ready = ''] = Object.keys(states as object);
  const asked = `queue_name=${encodeURIComponent(ready)}&include_scheduled_queues=true`;
  const look = await get(`/api/admin/inspect-ready-q/v1?${asked}`);
  assert.deepEqual(look['scheduled_queue_names'], []);
  const { queue_name: way } = await get(`/api/admin/resolve-egress-path/v1?domain=${name}`);
  assert.equal(way, ready);
});

test('process, machine, policy and log', async () => {
  const machine = await get('/api/machine-info');
  assert.match(String(machine['node_id']), /^[0-9a-f]{8}-/);
  assert.ok(Number(machine['total_memory_bytes']) > 0);
  assert.match(String((await get('/api/admin/memory/stats'))['text']), /^resident +\d+\.\d MiB$/m);
  const dump = String((await get('/api/admin/task-dump?timeout=0'))['text']);
  assert.match(dump, /^event loop busy/m);
  assert.match(dump, /^connections/m);
  const { versions } = await get('/api/admin/policy/versions/v1');
  const [newest] = versions as { number: number; state: string; is_current: boolean }[];
  assert.deepEqual([newest?.state, newest?.is_current], ['accepted', true]);
  const current = await get('/api/admin/policy/current/v1');
  assert.equal(current['version'], newest?.number);
  assert.equal((await post('/api/admin/spool-compact/v1', { name: 'data' })).status, 200);
  assert.equal((await post('/api/admin/spool-compact/v1', { name: 'meta' })).status, 404);
  const filter = '/api/admin/set_diagnostic_log_filter/v1';
  assert.equal((await post(filter, { filter: 'kumod=warn' })).status, 200);
  assert.equal((await post(filter, { filter: 'hyper=warn' })).status, 422);
  const dry = await post('/api/admin/bounce/v1', { reason: 'r', dry_run: true });
  assert.deepEqual(await dry.json(), { dry_run: true, messages: 2, queues: 1 });
  assert.deepEqual(await get('/api/admin/bounce/v1'), [], 'nothing was ordered');
});

test('a token opens what its rules say, and nothing else', async () => {
  const bump = `${guarded}/api/admin/bump-config-epoch`;
  const ask = (url: string, method: string, authorization: string) =>
    fetch(url, { method, headers: { authorization } });
  assert.equal((await ask(bump, 'POST', 'Bearer deploy-token')).status, 200);
  assert.equal((await ask(bump, 'POST', 'Bearer other')).status, 401);
  const queues = `${guarded}/api/admin/queues`;
  assert.equal((await ask(queues, 'GET', 'Bearer deploy-token')).status, 403);
  assert.equal((await fetch(queues)).status, 401);
  assert.equal((await fetch(`${guarded}/readyz`)).status, 200);
});

test('the log says who did what', async () => {
  await daemon.stop();
  const { code, text } = verifyData(data);
  assert.equal(code, 0, text);
  const said = readdirSync(join(data, 'log'))
    .filter((name) => name.endsWith('.db'))
    .flatMap((name) => {
      const db = new Database(join(data, 'log', name), { readonly: true });
      const sql = "select body from event where type = 'operator.acted' order by position";
      const rows = db.prepare(sql).all() as { body: string }[];
      db.close();
      return rows.map(({ body }) => JSON.parse(body) as { act: string; by: string });
    })
    .map(({ act, by }) => `${act} ${by}`);
  assert.deepEqual(said, [
    'bodies.compact 127.0.0.1',
    'log.filter 127.0.0.1',
    'policy.bump deploy at 127.0.0.1',
  ]);
});
