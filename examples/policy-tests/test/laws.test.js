/**
 * Our policy against its laws and against those that Waybill ships, in scenarios that are drawn at
 * random: twenty seconds here, longer with SECONDS=300 or `npm run check`.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  arbitrary,
  assertHolds,
  checkPolicy,
  laws,
  loadPolicy,
  simulate,
  tenantsKeepToTheirPools,
  timeline,
} from 'waybill/testing';
import { ourLaws, receiptsLeaveFromTheShop } from '../laws.js';

const seconds = Number(process.env['SECONDS'] ?? 20);
const policy = await loadPolicy(new URL('../policy.ts', import.meta.url));

test('no law is broken', async () => {
  const pools = tenantsKeepToTheirPools({ shop: ['transactional'], news: ['bulk'] });
  const checked = await checkPolicy(policy, { seconds, laws: [...laws, pools, ...ourLaws] });
  const found = checked.counterexample;
  if (found === undefined) return;
  const told = timeline(found.result, { about: found.breach.about });
  assert.fail(`${found.law.name}: ${found.breach.says}\n${found.law.says}\n\n${told}`);
});

test('any mail of the shop leaves from the shop, whatever befalls its addresses', async () => {
  const material = arbitrary.materialOf(policy);
  const story = fc.array(fc.oneof(arbitrary.envelopes(material), arbitrary.sourceFaults(material)), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(story, async (steps) => {
      const shop = steps.map((step) => (step.do === 'send' ? { ...step, tenant: 'shop' } : step));
      assertHolds(receiptsLeaveFromTheShop, await simulate(policy, { steps: shop }));
    }),
    { seed: 1, numRuns: 20 },
  );
});
