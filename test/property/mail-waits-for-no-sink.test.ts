/**
 * Law: whatever becomes of the sinks of log hooks, mail goes its way to the byte as if they were in
 * order. The idea: each scenario is simulated twice, with its sinks failing and without, and what
 * the logs say is compared; both are held against the shipped laws. Scenarios have no stop in good
 * order, which gives the batches under way their time. Deliberately unknown here: shippers.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { definePolicy } from '../../src/policy/define.ts';
import { asTestPolicy } from '../../src/testing/load-policy.ts';
import type { Result, Scenario, Step } from '../../src/testing/testing.ts';
import { arbitrary, findBroken, simulate, timeline } from '../../src/testing/testing.ts';
import { assertLaw } from '../world/law.ts';

const URL_HERE = 'http://127.0.0.1:4242/log';

const policy = asTestPolicy(
  definePolicy({
    init: (setup) => {
      setup.smtpListener({ listen: '127.0.0.1:2025' });
      setup.logHook({ name: 'all', url: URL_HERE, batch_size: 8, disable_after: '5m' });
      setup.logHook({ name: 'ends', url: URL_HERE, types: ['Delivery', 'Bounce', 'Expiration'] });
    },
    get_queue_config: (domain) =>
      domain.endsWith('.log_hook')
        ? { retry_interval: '2s', max_retry_interval: '30s' }
        : { egress_pool: 'main', retry_interval: '3m', max_age: '1h' },
    get_egress_pool: () => ({ entries: [{ name: 'ip-1' }, { name: 'ip-2' }] }),
    get_egress_source: () => ({ source_address: '192.0.2.1' }),
  }),
);

const material = arbitrary.materialOf(policy);
const isMail = ({ do: verb }: Step): boolean => verb !== 'sink';
const isSudden = ({ do: verb }: Step): boolean => verb !== 'restart';

test('mail is to the byte the same, whatever its sinks do; and they miss nothing', async () => {
  let failing = 0;
  const play = async (scenario: Scenario): Promise<Result> => {
    const result = await simulate(policy, scenario, { seed: 11 });
    const broken = findBroken(result);
    const { says } = broken?.breach ?? {};
    assert.equal(says, undefined, `${broken?.law.name}\n${timeline(result)}`);
    return result;
  };
  const sinks = arbitrary.sinkFaults(material);
  const property = fc.asyncProperty(
    arbitrary.scenarios(material, [sinks]),
    async ({ steps, ...about }) => {
      const sudden = steps.filter(isSudden);
      const scenario = { ...about, steps: sudden };
      // Sinks get time to come back at the end, and mail goes on meanwhile: up to there.
      const stormy = await play(scenario);
      const kind = await play({ ...scenario, steps: sudden.filter(isMail) });
      const upto = Math.min(...[stormy, kind].map(({ observed }) => observed.events.length));
      const linesOf = (result: Result) => result.log().split('\n').slice(0, upto);
      assert.deepEqual(linesOf(stormy), linesOf(kind));
      const fates = stormy.observed.sinks.flatMap(({ given }) => given.map(({ fate }) => fate));
      failing += fates.filter((fate) => fate !== 'taken').length;
    },
  );
  await assertLaw(property, 1, () => failing > 100);
});
