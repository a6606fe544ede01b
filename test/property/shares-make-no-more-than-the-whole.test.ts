/**
 * Law: when nobody counts for all, the shares of several daemons together let no span see more than
 * the burst and the rate, the time before included; and what they say they used is never too
 * little. Shares of limits never make more than the limit. The idea: one common bucket until all
 * lose it, then any daemon at any time. Deliberately unknown here: how it is lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ShareRates, shareOf } from '../../src/domain/quota-share.ts';
import { createQuotas } from '../../src/domain/quotas.ts';
import type { NamedRate } from '../../src/domain/throttle.ts';
import { intervalMs } from '../../src/domain/throttle.ts';
import { assertLaw } from '../world/law.ts';

const specs = fc.record({
  limit: fc.integer({ min: 1, max: 60 }),
  periodMs: fc.integer({ min: 1, max: 120 }).map((seconds) => seconds * 1_000),
  maxBurst: fc.integer({ min: 0, max: 60 }),
  local: fc.constant(false),
});
const waits = fc.oneof(fc.constant(0), fc.nat(300), fc.nat(90_000));
const step = fc.record({ waitMs: waits, who: fc.nat(3), count: fc.integer({ min: 1, max: 9 }) });
const steps = fc.array(step, { maxLength: 60 });

test('several shares make no more than one whole', async () => {
  const play = fc.record({
    spec: specs,
    daemons: fc.integer({ min: 1, max: 4 }),
    before: steps,
    alone: steps,
  });
  const property = fc.property(play, ({ spec, daemons, before, alone }) => {
    let now = 1_000_000;
    const rates: NamedRate[] = [{ name: 'x', spec }];
    const passed: number[] = [];
    const common = createQuotas({ now: () => now });
    for (const { waitMs, count } of before) {
      now += waitMs;
      common.take(rates, count, ({ granted }) => {
        for (let token = 0; token < granted; token += 1) passed.push(now);
      });
    }
    const lostAt = now;
    const shares = Array.from({ length: daemons }, () => {
      const share = new ShareRates({ part: 1, whole: daemons }, () => now);
      share.begin(lostAt);
      return share;
    });
    // What one bucket for all would hold; the sum of what daemons tell is never less.
    const burst = Math.max(1, spec.maxBurst);
    let level = 0;
    let levelAt = lostAt;
    for (const { waitMs, who, count } of alone) {
      now += waitMs;
      const taken = shares[who % daemons]?.take(rates, count, 1_000);
      level = Math.max(0, level - (now - levelAt) / intervalMs(spec)) + (taken?.granted ?? 0);
      levelAt = now;
      for (let token = 0; token < (taken?.granted ?? 0); token += 1) passed.push(now);
      const told = shares
        .flatMap((share) => share.inUse())
        .reduce((sum, use) => sum + use.tokens, 0);
      assert.ok(told >= level - 1e-6, `${told} told of ${level}`);
    }
    for (let from = 0; from < passed.length; from += 1) {
      for (let upto = from; upto < passed.length; upto += 1) {
        const spanMs = (passed[upto] as number) - (passed[from] as number);
        const most = burst + spanMs / intervalMs(spec);
        assert.ok(upto - from + 1 <= most + 1e-6, `${upto - from + 1} in ${spanMs} ms`);
      }
    }
  });
  await assertLaw(property);
});

test('shares of a limit are whole, and never more than it', async () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 8 }),
    (limit, parts) => {
      const whole = Math.max(
        1,
        parts.reduce((sum, part) => sum + part, 0),
      );
      const shares = parts.map((part) => shareOf(limit, { part, whole }));
      assert.ok(shares.every(Number.isInteger));
      assert.ok(shares.reduce((sum, share) => sum + share, 0) <= limit);
    },
  );
  await assertLaw(property);
});

test('a share begins used up, and comes to its rate', () => {
  let now = 0;
  const rates: NamedRate[] = [
    { name: 'x', spec: { limit: 100, periodMs: 1_000, maxBurst: 100, local: false } },
  ];
  const share = new ShareRates({ part: 1, whole: 2 }, () => now);
  share.begin(now);
  assert.equal(share.take(rates, 99, 1_000).granted, 0);
  now += 100;
  assert.equal(share.take(rates, 99, 1_000).granted, 5);
  now += 60_000;
  assert.equal(share.take(rates, 99, 1_000).granted, 50);
  const slow: NamedRate[] = [
    { name: 'y', spec: { limit: 1, periodMs: 1_000, maxBurst: 1, local: false } },
  ];
  const never = share.take(slow, 1, 777);
  assert.deepEqual([never.granted, never.waitMs, never.binding], [0, 777, 'y']);
});
