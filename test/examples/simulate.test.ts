/**
 * Stories of a policy under simulation: its handlers are asked as in production, also at reception;
 * its own Date and Math.random are virtual; equal seeds give equal logs; it has no network.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Scenario, TestPolicy } from '../../src/testing/testing.ts';
import {
  assertHolds,
  findBroken,
  lawNamed,
  loadPolicy,
  simulate,
  timeline,
} from '../../src/testing/testing.ts';

const POLICY = `import { definePolicy, reject } from 'waybill/policy';
import { sources } from 'waybill/helpers';

export default definePolicy(sources({ files: ['sources.toml'] }), {
  init: (setup) => setup.smtpListener({ listen: '127.0.0.1:2025' }),
  smtp_server_message_received(message) {
    const tenant = message.get_first_named_header_value('X-Tenant');
    if (tenant === 'nobody') reject(550, '5.7.1 nobody sends nothing');
    if (tenant) message.set_meta('tenant', tenant);
  },
  get_queue_config: (domain, tenant) => ({
    egress_pool: tenant === 'news' ? 'bulk' : 'main',
    retry_interval: Math.random() < 0.5 ? '4m' : '5m',
    max_age: new Date().getUTCFullYear() === 2026 && Date.now() < 1.7673e12 ? '3h' : '1h',
  }),
});
`;

const SOURCES = `[source."ip-1"]
source_address = "192.0.2.1"
suspend_when_unplumbed = { duration = "5m" }
[source."ip-2"]
source_address = "192.0.2.2"
[pool."main"."ip-1"]
[pool."bulk"."ip-2"]
`;

async function withPolicy(use: (policy: TestPolicy) => Promise<void>, text = POLICY) {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-simulate-'));
  try {
    await writeFile(join(folder, 'sources.toml'), SOURCES);
    await writeFile(join(folder, 'policy.ts'), text);
    await use(await loadPolicy(join(folder, 'policy.ts')));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const ROUGH_DAY: Scenario = {
  faults: { reset: 0.02, dns: 0.1 },
  steps: [
    { do: 'send', to: ['u@a.test', 'v@b.test'], count: 5, headers: { 'X-Tenant': 'news' } },
    { do: 'wait', ms: 200 },
    { do: 'source', source: 'ip-1', is: 'flapping', ms: 5_000 },
    { do: 'receiver', domain: 'a.test', is: 'greylisting', ms: 90_000 },
    { do: 'send', to: ['later@a.test'], count: 3 },
    { do: 'wait', ms: 60_000 },
    { do: 'kill' },
    { do: 'send', to: ['w@b.test'] },
    { do: 'wait', ms: 400_000 },
    { do: 'restart' },
    { do: 'reload' },
  ],
};

test('handlers are asked as in production, reception included', () =>
  withPolicy(async (policy) => {
    const result = await simulate(policy, {
      steps: [
        { do: 'send', to: ['u@a.test'], headers: { 'X-Tenant': 'news' } },
        { do: 'send', to: ['u@a.test'], headers: { 'X-Tenant': 'nobody' } },
        { do: 'send', to: ['u@a.test'], tenant: 'acme' },
      ],
      settles: false,
    });
    assert.deepEqual(
      result.observed.sent.map(({ code }) => code),
      [undefined, 550, undefined],
      'no time has passed: the disk has not answered',
    );
    const settled = await simulate(policy, { steps: result.observed.scenario.steps });
    const queues = new Set(settled.messages().map(({ queue }) => queue));
    assert.deepEqual([...queues].sort(), ['acme@a.test', 'news@a.test']);
    const pools = settled
      .events('message.delivered')
      .map(({ body }) => [body['queue'], body['pool']]);
    assert.ok(pools.some(([queue, pool]) => queue === 'news@a.test' && pool === 'bulk'));
    assert.ok(pools.some(([queue, pool]) => queue === 'acme@a.test' && pool === 'main'));
    assert.equal(settled.outcomes().refused, 2, 'the message and its probe');
  }));

test('equal seeds give equal logs, whatever the policy draws; other seeds do not', () =>
  withPolicy(async (policy) => {
    const [one, same, other] = await Promise.all(
      [7, 7, 8].map((seed) => simulate(policy, ROUGH_DAY, { seed })),
    );
    assert.equal(one?.log(), same?.log());
    assert.notEqual(one?.log(), other?.log());
    assert.ok(one !== undefined);
    assert.equal(timeline(one), timeline(same as typeof one));
    assert.equal(findBroken(one)?.breach.says, undefined);
    const answers = one.events('policy.answered').map(({ body }) => String(body['answer']));
    assert.ok(
      answers.some((text) => text.includes('"max_age":10800000')),
      'Date is virtual',
    );
    assert.ok(
      Math.abs(Date.now() - performance.timeOrigin - performance.now()) < 60_000,
      'given back',
    );
  }));

test('a policy under simulation has no network', () =>
  withPolicy(
    async (policy) => {
      const result = await simulate(policy, { steps: [{ do: 'send', to: ['u@a.test'] }] });
      const [fault] = result.events('policy.faulted');
      assert.match(String(fault?.body['sentence']), /has no network: read data files/);
      assert.throws(
        () => assertHolds(lawNamed('handlers-answer'), result),
        /handlers-answer: .*get_queue_config failed[\s\S]*1\. send to u@a\.test/,
      );
    },
    POLICY.replace('({\n    egress_pool', "void fetch('http://x.test') ?? ({\n    egress_pool"),
  ));

test('a law that nobody knows is named with those there are', () => {
  assert.throws(() => lawNamed('no-such'), /there is no law no-such; there are the-loader-accepts/);
});
