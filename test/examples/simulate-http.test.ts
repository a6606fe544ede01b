/**
 * Mail by HTTP in a simulated world: through the production path from the request's bytes on, with
 * the policy's handler, and the same run for the same seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePolicy } from '../../src/policy/define.ts';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import type { Result, Step } from '../../src/testing/testing.ts';
import { arbitrary, checkPolicy, findBroken, simulate } from '../../src/testing/testing.ts';

const shaping: PolicyPart = {
  async http_message_generated(message) {
    // Turns of the queue of promises, as a handler of an operator's has them.
    for (let turns = 0; turns < 40; turns += 1) await null;
    const { tenant } = (message.get_meta('extra') ?? {}) as { tenant?: string };
    if (tenant !== undefined) message.set_meta('tenant', tenant);
  },
};

const policyWith = (part: PolicyPart) =>
  definePolicy(
    {
      init(setup) {
        setup.smtpListener({ listen: '127.0.0.1:2025' });
        setup.httpListener({ listen: '127.0.0.1:8000' });
        setup.logHook({ name: 'all', url: 'http://127.0.0.1:4242/', headers: ['Subject'] });
      },
      get_queue_config: () => ({ retry_interval: '4m', max_age: '1h' }),
    },
    part,
  );

const run = (steps: readonly Step[], seed = 1): Promise<Result> =>
  simulate(policyWith(shaping), { steps }, { seed });

const send = (to: readonly string[]): Step => ({ do: 'send', by: 'http', to, tenant: 'acme' });

test('each recipient has a message of its own, which handlers and hooks see', async () => {
  const result = await run([send(['u@a.test', 'v@b.test', 'no address']), { do: 'wait', ms: 900 }]);
  assert.equal(findBroken(result)?.breach.says, undefined);
  const [sent] = result.observed.sent;
  assert.deepEqual([sent?.code, sent?.ids.length], [250, 2]);
  assert.match(sent?.text ?? '', /no address: is not an address/);
  const messages = result.messages().slice(0, 2);
  const queues = messages.map(({ queue }) => queue);
  assert.deepEqual(queues, ['acme@a.test', 'acme@b.test']);
  assert.deepEqual(messages[1]?.recipients, { 'v@b.test': 'delivered' });
  const [record] = result.sink('all').map((one) => one.record);
  assert.equal(record?.reception_protocol, 'HTTP');
  assert.deepEqual(record?.headers, { Subject: 'm0' });
});

test('what a kill overtakes has no answer, or is there; a full disk refuses', async () => {
  let unanswered = 0;
  for (let seed = 1; seed <= 6; seed += 1) {
    const steps: Step[] = [send(['u@a.test']), { do: 'kill' }, { do: 'disk', is: 'full' }];
    const after: Step[] = [{ do: 'wait', ms: 5_000 }, send(['v@a.test'])];
    const result = await run([...steps, ...after], seed);
    assert.equal(findBroken(result)?.breach.says, undefined);
    const [first] = result.observed.sent;
    if (first?.code === undefined) unanswered += 1;
    assert.ok(result.observed.sent.some(({ code }) => (code ?? 0) >= 500));
  }
  assert.ok(unanswered > 0, 'no kill came before the answer');
});

test('the same seed is the same run', async () => {
  const steps: Step[] = [send(['u@a.test', 'v@b.test']), { do: 'wait', ms: 700 }, { do: 'kill' }];
  const [one, two] = [await run(steps, 4), await run(steps, 4)];
  assert.equal(one.log(), two.log());
  assert.deepEqual(one.observed.copies, two.observed.copies);
});

test('a check comes to the handler of HTTP', async () => {
  const { reached } = await checkPolicy(asTestPolicy(policyWith(shaping)), { seconds: 4 });
  assert.ok((reached.handlers.get('http_message_generated') ?? 0) > 0);
  const { hasHttp } = arbitrary.materialOf(asTestPolicy(policyWith({})));
  assert.equal(hasHttp, true);
});
