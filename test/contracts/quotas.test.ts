/**
 * The quotas that count in this process, under the suite of all; and what only they have: a memory
 * that outlives them, and no limit that anybody else shares.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQuotas } from '../../src/domain/quotas.ts';
import { rateKey } from '../../src/domain/throttle.ts';
import { limit, quotasContract, rate, take } from './quotas-contract.ts';

quotasContract('in this process', () => {
  let now = 1_000_000;
  return {
    quotas: createQuotas({ now: () => now }),
    pass: (ms) => {
      now += ms;
    },
    dispose: () => {},
  };
});

test('what was reserved is used up after a restart', async () => {
  let now = 1_000_000;
  const kept = new Map<string, number>();
  let reserves = 0;
  const open = () => {
    const quotas = createQuotas({ now: () => now });
    quotas.remember?.({
      usedUntil: (key) => kept.get(key),
      reserve: (key, until) => {
        reserves += 1;
        kept.set(key, until);
      },
    });
    return quotas;
  };
  const slow = [rate('slow', '2/h')];
  assert.equal((await take(open(), slow)).granted, 1);
  assert.equal(kept.get(rateKey(rate('slow', '2/h'))), now + 1_800_000);
  const second = open();
  assert.equal((await take(second, slow, 2)).granted, 1, 'one of two is used');
  const fast = [rate('fast', '100/s')];
  reserves = 0;
  for (let at = 0; at < 1_000; at += 1) {
    await take(second, fast);
    now += 10;
  }
  assert.ok(reserves >= 10 && reserves <= 12, `${reserves} reserves in ten seconds`);
});

test('no limit is shared with anybody', () => {
  assert.equal(createQuotas({ now: () => 0 }).isShared(limit('a', 1)), false);
});
