/**
 * Law: of all that asks, no span of time sees more pass a rate than burst and rate allow; who comes
 * back when told to passes in the end; and what does not pass costs nothing. The idea: any times,
 * any rate, and a count of its own. Deliberately unknown here: messages.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createQuotas } from '../../src/domain/quotas.ts';
import { intervalMs } from '../../src/domain/throttle.ts';
import type { ThrottleSpec } from '../../src/domain/throttle-spec.ts';
import { TurnedAway } from '../../src/domain/turned-away.ts';
import type { Quotas, Taken } from '../../src/ports/quotas.ts';
import { assertLaw } from '../world/law.ts';

const specs = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  periodMs: fc.integer({ min: 1, max: 120 }).map((seconds) => seconds * 1_000),
  maxBurst: fc.integer({ min: 0, max: 60 }),
  local: fc.boolean(),
});
const count = fc.integer({ min: 1, max: 5 });
const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(200), fc.nat(60_000)), { maxLength: 200 });

function takeNow(quotas: Quotas, spec: ThrottleSpec, count: number): Taken {
  let taken: Taken | undefined;
  quotas.take([{ name: 'x', spec }], count, (answer) => {
    taken = answer;
  });
  assert.ok(taken !== undefined, 'counted here, answered at once');
  return taken;
}

/** The most that may pass in any span, touching ends included. */
function checkSpans(passed: readonly number[], spec: ThrottleSpec): void {
  for (let from = 0; from < passed.length; from += 1) {
    for (let upto = from; upto < passed.length; upto += 1) {
      const spanMs = (passed[upto] as number) - (passed[from] as number);
      const most = Math.max(1, spec.maxBurst) + spanMs / intervalMs(spec);
      assert.ok(upto - from + 1 <= most + 1e-6, `${upto - from + 1} in ${spanMs} ms`);
    }
  }
}

const steps = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.constant(0), fc.nat(200), fc.nat(60_000)),
    count,
    /** How many of the tokens taken before are given back first, and which. */
    backs: fc.array(fc.nat(1_000), { maxLength: 3 }),
    /** What is taken waits; and what has waited so far happens now. */
    holds: fc.boolean(),
    goes: fc.boolean(),
    restarts: fc.integer({ min: 0, max: 15 }).map((dice) => dice === 0),
  }),
  { maxLength: 120 },
);

/** What was taken: when, and when it happened; undefined: it has yet to. */
interface Passed {
  at: number;
  now: number | undefined;
}

test('rates hold, whatever is given back or has to wait, and over restarts', async () => {
  const property = fc.property(specs, steps, (spec, all) => {
    const kept = new Map<string, number>();
    let now = 1_000_000;
    const open = (): Quotas => {
      const quotas = createQuotas({ now: () => now });
      quotas.remember?.({
        usedUntil: (key) => kept.get(key),
        reserve: (key, until) => kept.set(key, until),
      });
      return quotas;
    };
    let quotas = open();
    const before: number[] = [];
    let passed: Passed[] = [];
    const rates = [{ name: 'x', spec }];
    for (const { waitMs, count, backs, holds, goes, restarts } of all) {
      now += waitMs;
      if (restarts) {
        quotas = open();
        before.push(...passed.splice(0).flatMap((one) => one.now ?? []));
      }
      for (const one of goes ? passed : []) {
        if (one.now !== undefined) continue;
        one.now = now;
        one.at = quotas.letGo?.(rates, 1, true) ?? 0;
      }
      for (const back of backs) {
        if (passed.length === 0) break;
        const [one] = passed.splice(back % passed.length, 1);
        if (one?.now === undefined) quotas.letGo?.(rates, 1, false);
        else quotas.giveBack(rates, 1, one.at);
      }
      const { granted, at, ...taken } = takeNow(quotas, spec, count);
      if (holds) quotas.hold?.(rates, granted, at);
      const one = { now: holds ? undefined : now, at };
      passed = [...passed, ...Array.from({ length: granted }, () => ({ ...one }))];
      const isWhole = Number.isSafeInteger(taken.waitMs) && taken.waitMs >= 0;
      assert.ok(isWhole && taken.waitMs > 0 === granted < count, String(taken.waitMs));
    }
    const happened = [...before, ...passed.flatMap((one) => one.now ?? [])];
    checkSpans(
      happened.sort((a, b) => a - b),
      spec,
    );
  });
  await assertLaw(property, 0.3);
});

test('what was taken last and is given back was never taken', async () => {
  const taking = fc.array(fc.record({ waitMs: fc.oneof(fc.constant(0), fc.nat(9_000)), count }), {
    maxLength: 20,
  });
  const property = fc.property(specs, taking, taking, waits, (spec, first, more, gaps) => {
    let now = 1_000_000;
    const [one, twin] = [0, 1].map(() => createQuotas({ now: () => now })) as [Quotas, Quotas];
    for (const { waitMs, count: many } of first) {
      now += waitMs;
      const both = [one, twin].map((quotas) => takeNow(quotas, spec, many).granted);
      assert.equal(both[0], both[1]);
    }
    const extra: Taken[] = [];
    for (const { waitMs, count: many } of more) {
      now += waitMs;
      extra.push(takeNow(one, spec, many));
    }
    for (const { granted, at } of extra.reverse()) {
      one.giveBack([{ name: 'x', spec }], granted, at);
    }
    for (const gapMs of gaps.slice(0, 20)) {
      const both = [one, twin].map((quotas) => takeNow(quotas, spec, 1));
      assert.equal(both[0]?.granted, both[1]?.granted);
      assert.ok(Math.abs((both[0]?.waitMs ?? 0) - (both[1]?.waitMs ?? 0)) <= 1, 'the same wait');
      now += gapMs;
    }
  });
  await assertLaw(property, 0.2);
});

test('who comes back when told to passes, neither earlier nor later', async () => {
  const property = fc.property(specs, waits, (spec, gaps) => {
    let now = 1_000_000;
    const quotas = createQuotas({ now: () => now });
    for (const gapMs of gaps) {
      now += gapMs;
      const { granted, waitMs } = takeNow(quotas, spec, 1);
      if (granted === 1) continue;
      now += waitMs - 1;
      assert.equal(takeNow(quotas, spec, 1).granted, 0, 'a millisecond too early');
      now += 1;
      assert.equal(takeNow(quotas, spec, 1).granted, 1, 'in time');
    }
  });
  await assertLaw(property, 0.2);
});

test('all who wait each for themselves pass in the end, and soon', async () => {
  const property = fc.property(specs, fc.integer({ min: 1, max: 40 }), (spec, count) => {
    let now = 0;
    const quotas = createQuotas({ now: () => now });
    const turnedAway = new TurnedAway();
    const dueAt = Array.from({ length: count }, () => 0);
    let left = count;
    let lastAt = 0;
    for (let guard = 0; left > 0; guard += 1) {
      assert.ok(guard < 10_000, 'everybody passes');
      const next = dueAt.indexOf(Math.min(...dueAt));
      now = dueAt[next] as number;
      const { granted, waitMs } = takeNow(quotas, spec, 1);
      const backAt = () => turnedAway.place('x', intervalMs(spec), now + waitMs);
      dueAt[next] = granted === 1 ? Number.POSITIVE_INFINITY : backAt();
      if (granted === 0) continue;
      left -= 1;
      lastAt = now;
    }
    // The last comes when the rate allows; places that stay empty cost two spreads at most.
    assert.ok(lastAt <= count * (intervalMs(spec) + 1) + 120_000, `the last at ${lastAt}`);
  });
  await assertLaw(property, 0.2);
});
