/**
 * Law: of all that asks, no span of time sees more pass a rate than burst and rate allow; who comes
 * back when told to passes in the end; and what does not pass costs nothing. The idea: any times,
 * any rate, and a count of its own. Deliberately unknown here: messages.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Throttles } from '../../src/domain/throttle.ts';
import type { ThrottleSpec } from '../../src/domain/throttle-spec.ts';
import { parseThrottle } from '../../src/domain/throttle-spec.ts';
import { assertLaw } from '../world/law.ts';

const specs = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  periodMs: fc.integer({ min: 1, max: 120 }).map((seconds) => seconds * 1_000),
  maxBurst: fc.integer({ min: 0, max: 60 }),
  local: fc.boolean(),
});
const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(200), fc.nat(60_000)), { maxLength: 200 });

/** The most that may pass in any span, touching ends included. */
function checkSpans(passed: readonly number[], spec: ThrottleSpec): void {
  const intervalMs = spec.periodMs / spec.limit;
  for (let from = 0; from < passed.length; from += 1) {
    for (let upto = from; upto < passed.length; upto += 1) {
      const spanMs = (passed[upto] as number) - (passed[from] as number);
      const most = Math.max(1, spec.maxBurst) + spanMs / intervalMs;
      assert.ok(upto - from + 1 <= most + 1e-6, `${upto - from + 1} in ${spanMs} ms`);
    }
  }
}

test('rates hold', async () => {
  const property = fc.property(specs, waits, (spec, steps) => {
    const throttles = new Throttles();
    const rates = [{ name: 'x', spec }];
    const passed: number[] = [];
    let now = 1_000_000;
    for (const stepMs of steps) {
      now += stepMs;
      const waitMs = throttles.pass(rates, now);
      if (waitMs === 0) passed.push(now);
      else assert.ok(Number.isSafeInteger(waitMs) && waitMs > 0);
    }
    checkSpans(passed, spec);
  });
  await assertLaw(property, 0.3);
});

test('who comes back when told to passes in the end, and soon', async () => {
  const property = fc.property(specs, fc.integer({ min: 1, max: 40 }), (spec, count) => {
    const throttles = new Throttles();
    const rates = [{ name: 'x', spec }];
    const dueAt = Array.from({ length: count }, () => 0);
    let left = count;
    let lastAt = 0;
    for (let guard = 0; left > 0; guard += 1) {
      assert.ok(guard < 10_000, 'everybody passes');
      const next = dueAt.indexOf(Math.min(...dueAt));
      const now = dueAt[next] as number;
      const waitMs = throttles.pass(rates, now);
      dueAt[next] = waitMs === 0 ? Number.POSITIVE_INFINITY : now + waitMs;
      if (waitMs > 0) continue;
      left -= 1;
      lastAt = now;
    }
    const intervalMs = spec.periodMs / spec.limit;
    // The last comes when the rate allows; places that stay empty cost two spreads at most.
    assert.ok(lastAt <= count * (intervalMs + 1) + 120_000, `the last of ${count} at ${lastAt}`);
  });
  await assertLaw(property, 0.3);
});

test('several rates pass together or not at all', () => {
  const throttles = new Throttles();
  const rate = (name: string, text: string) => ({ name, spec: parseThrottle(text) });
  const both = [rate('wide', '10/m'), rate('narrow', '1/m')];
  assert.equal(throttles.pass(both, 0), 0);
  assert.equal(throttles.pass(both, 0), 60_000);
  const wide = [rate('wide', '10/m')];
  const passed = Array.from({ length: 10 }, () => throttles.pass(wide, 0)).filter((ms) => ms === 0);
  assert.equal(passed.length, 9, 'what the narrow rate turned away the wide one did not count');
  assert.equal(throttles.pass([rate('wide', '20/m')], 0), 0, 'another rate is another bucket');
});
