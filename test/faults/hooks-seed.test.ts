/**
 * Log hooks on the real daemon, end to end: the reference's own example of a webhook with its
 * shaping section, a hook of a helper file, a sink and a template in the policy, and what an
 * operator may do with them. Deliberately unknown here: faults of receivers, crashes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon, programCommand } from './daemon.ts';
import type { Posted } from './hooks-receiver.ts';
import { HookReceiver } from './hooks-receiver.ts';
import { makeProbe } from './probe-mail.ts';
import { makeScratch, until } from './scratch.ts';
import { sendAll } from './sender.ts';
import { Target } from './target.ts';

const SHAPE = { domains: 3, bodyBytes: 200, pairEvery: 0 };
/** From a 250 to a record at its receiver, on a busy machine. */
const SOON_MS = 30_000;

// As in the reference's chapter about the performance of log hooks; the first two lines let the
// mail of this test go to a peer on this machine.
const SHAPING = `[default]
prohibited_hosts = []

['webhook.log_hook']
# This is not a regular email domain, so do not try to resolve it as an MX record
mx_rollup = false
max_deliveries_per_connection = 8192
# No need to coordinate with other MTAs on a shared limit
connection_limit = "local:10"
max_connection_rate = "1000/s"
# Allow a healthy amount in the ready queue in case things get busy
max_ready = 10000
# Limit how long we wait for connections to close at shutdown so we don't delay unneccessarily
system_shutdown_timeout = "30s"
`;

const FILE = (port: number): string => `
[log_hook."deliveries"]
url = "http://127.0.0.1:${port}/deliveries"
types = ["Delivery"]
domains = ["d1.example"]
`;

const POLICY = (hop: number, receiver: number, lines: string): string => `
import { appendFileSync } from 'node:fs';
import { logHooks, shaping } from 'waybill/helpers';
import { definePolicy } from 'waybill/policy';

export default definePolicy(
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:0' });
      setup.httpListener({ listen: '127.0.0.1:0' });
      // Send a JSON webhook to a local network host.
      setup.logHook({
        name: 'webhook',
        url: 'http://127.0.0.1:${receiver}/log',
        meta: ['From', 'Subject', 'x-virtual-mta', 'x-dkim-options'],
        headers: ['Subject'],
      });
      setup.logHook({
        name: 'own',
        batch_size: 10,
        per_record: { Any: { template:
          '{{ type }} {{ id }}{% if sender == "s.13@probe.example" %}{{ 1 // 0 }}{% endif %}' } },
        custom: {
          sendBatch: (all) => appendFileSync(${JSON.stringify(lines)},
            all.map(({ text }) => text + '\\n').join('')),
        },
      });
    },
    get_queue_config: (domain) => domain.endsWith('.log_hook')
      ? undefined
      : { protocol: { smtp: { mx_list: ['127.0.0.1:${hop}'] } } },
    should_enqueue_log_record: (record, hook) =>
      hook === 'own' ? record.type === 'Delivery' : undefined,
  },
  logHooks({ files: ['log-hooks.toml'] }),
  shaping({ files: ['shaping.toml'] }),
);
`;

const scratch = makeScratch('hooks-seed');
const data = join(scratch.path, 'data');
const lines = join(scratch.path, 'own.txt');
const target = new Target();
const receiver = new HookReceiver();
let daemon: Daemon;
let sent = 0;

before(async () => {
  const port = await receiver.open();
  const policy = join(scratch.path, 'policy.ts');
  writeFileSync(policy, POLICY(await target.open(), port, lines));
  writeFileSync(join(scratch.path, 'shaping.toml'), SHAPING);
  writeFileSync(join(scratch.path, 'log-hooks.toml'), FILE(port));
  writeFileSync(lines, '');
  daemon = new Daemon(policy, data);
  await daemon.demandPort();
});

after(async () => {
  await daemon.kill();
  await receiver.close();
  await target.close();
  scratch.remove();
});

async function send(count: number): Promise<void> {
  const answers: string[] = [];
  const numbers = Array.from({ length: count }, (_, at) => sent + at + 1);
  sent += count;
  await sendAll(
    numbers.map((number) => makeProbe(number, SHAPE)),
    { lines: 2, port: () => daemon.port(), answered: ({ kind }) => answers.push(kind) },
  );
  assert.deepEqual(new Set(answers), new Set(['taken']), daemon.tail);
}

const come = async (path: string, count: number): Promise<Posted[]> => {
  const isThere = await until(() => receiver.at(path).length >= count, SOON_MS);
  assert.ok(isThere, `${receiver.at(path).length} of ${count} at ${path}\n${daemon.tail}`);
  return receiver.at(path);
};

const hooks = (...words: string[]) => {
  const [program = '', ...rest] = programCommand('waybill');
  const args = [...rest, 'hooks', ...words, '--data', data];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
};
type Listed = Readonly<Record<string, unknown>>;
const listed = (name: string): Listed => {
  const { out, err } = hooks('--json');
  const all = JSON.parse(out || err) as Listed[];
  return all.find((hook) => hook['name'] === name) ?? assert.fail(out);
};

const textOf = ({ record }: Posted): string => `${record['type']} ${record['id']}`;

test('the example of the reference tells of every reception and delivery, in order', async () => {
  await send(12);
  const posted = await come('/log', 24);
  assert.equal(posted.length, 24);
  assert.equal(new Set(posted.map(({ record }) => record['event_id'])).size, 24);
  for (const { headers, record } of posted) {
    assert.match(headers['content-type'] ?? '', /^application\/json/);
    assert.deepEqual(record['headers'], { Subject: 'probe' });
  }
  const told = posted.map(textOf);
  for (const delivery of told.filter((text) => text.startsWith('Delivery'))) {
    const reception = told.indexOf(delivery.replace('Delivery', 'Reception'));
    assert.ok(reception >= 0 && reception < told.indexOf(delivery), delivery);
  }
});

test('hooks of a file take what their lists say, those of a policy its handler', async () => {
  const posted = await come('/deliveries', 4);
  assert.deepEqual(new Set(posted.map(({ record }) => record['type'])), new Set(['Delivery']));
  for (const { record } of posted) assert.match(String(record['recipient']), /@d1\.example$/);
  const all = receiver
    .at('/log')
    .map(textOf)
    .filter((text) => text.startsWith('Delivery'));
  const isThere = await until(() => readFileSync(lines, 'utf8').length > 12 * 40, SOON_MS);
  assert.ok(isThere, readFileSync(lines, 'utf8'));
  assert.deepEqual(readFileSync(lines, 'utf8').trim().split('\n'), all);
});

test('waybill hooks says how they are; a paused hook waits and goes on', async () => {
  assert.ok(await until(() => listed('webhook')['lag_records'] === 0, SOON_MS));
  const before = listed('webhook');
  assert.deepEqual([before['sink'], before['shipped'], before['last_error']], ['http', 24, null]);
  assert.equal(hooks('pause', 'webhook').status, 0);
  await send(3);
  await come('/deliveries', 5);
  const paused = listed('webhook');
  assert.equal(paused['state'], 'paused');
  assert.ok(Number(paused['lag_records']) > 0);
  assert.equal(receiver.at('/log').length, 24);
  assert.equal(hooks('resume', 'webhook').status, 0);
  await come('/log', 30);
  const unknown = hooks('pause', 'nobody');
  assert.equal(unknown.status, 69);
  assert.match(unknown.err, /nobody/);
});

test('what the receiver refuses for good is a dead letter, and the others go on', async () => {
  let refused = 0;
  receiver.judge = ({ type }) => {
    if (type !== 'Reception' || refused > 0) return 200;
    refused += 1;
    return 422;
  };
  await send(2);
  await come('/log', 33);
  assert.ok(await until(() => listed('webhook')['dead_lettered'] === 1, SOON_MS));
  const run = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as Record<string, string[]>;
  const page = await (await fetch(`http://${run['httpListeners']?.[0]}/metrics`)).text();
  assert.match(page, /^log_hook_records_dead_lettered_total\{hook="webhook"\} 1$/m);
  // A record that a template fails for is another.
  assert.ok(await until(() => listed('own')['dead_lettered'] === 1, SOON_MS));
  const own = readFileSync(join(data, 'hooks', 'own.dead.jsonl'), 'utf8');
  assert.match(own, /the template for Delivery failed: .*s\.13@probe\.example/);
  assert.match(page, /^log_hook_records_shipped_total\{hook="webhook"\} 33$/m);
});

test('a replay sends a span again, with its ids and marked', async () => {
  const before = receiver.at('/log');
  const span = ['--from', '2020-01-01T00:00:00Z', '--to', '2100-01-01T00:00:00Z'];
  assert.equal(hooks('replay', 'webhook', ...span).status, 0);
  // The one that was refused is taken this time.
  const all = await come('/log', 33 + 34);
  const again = all.slice(before.length);
  for (const { headers } of again) assert.equal(headers['waybill-replay'], 'true');
  const first = new Set(before.map(({ record }) => record['event_id']));
  const more = again.filter(({ record }) => !first.has(record['event_id']));
  assert.equal(more.length, 1);
});
