/**
 * Stories: one thing that happened, or that somebody asked about, each as a scenario.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertHolds, loadPolicy, simulate, timeline } from 'waybill/testing';
import { carefulIsMetOneByOne, noLoginComesLate } from '../laws.js';

const policy = await loadPolicy(new URL('../policy.ts', import.meta.url));

test('an address of the shop is out: receipts leave from the other one', async () => {
  const result = await simulate(policy, {
    steps: [
      { do: 'source', source: 'shop-1', is: 'unplumbed' },
      { do: 'send', to: ['user@gmail.com'], tenant: 'shop', count: 10 },
      { do: 'wait', ms: 24 * 60 * 60_000 },
    ],
    settles: false,
  });
  assert.equal(result.outcomes().delivered, 10, timeline(result));
});

test('a receiver that greylists for an hour: a login is not delivered when nobody waits', async () => {
  const result = await simulate(policy, {
    steps: [
      { do: 'receiver', domain: 'slow.test', is: 'greylisting', ms: 60 * 60_000 },
      { do: 'send', to: ['user@slow.test'], tenant: 'shop', campaign: 'login' },
      { do: 'send', to: ['user@slow.test'], tenant: 'shop', campaign: 'receipt' },
      { do: 'wait', ms: 24 * 60 * 60_000 },
    ],
    settles: false,
  });
  assertHolds(noLoginComesLate, result);
  const { expired, delivered } = result.outcomes();
  assert.deepEqual({ expired, delivered }, { expired: 1, delivered: 1 }, timeline(result));
});

test('a burst for the receiver that wants care', async () => {
  const result = await simulate(policy, {
    steps: [{ do: 'send', to: ['user@careful.example'], tenant: 'news', count: 100 }],
  });
  assertHolds(carefulIsMetOneByOne, result);
  assert.equal(result.outcomes().delivered, 101, 'all of it, and what is sent once faults are over');
});
