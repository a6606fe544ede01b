/**
 * Law: a rule of N failures in a period fires at exactly the Nth failure with N inside the period,
 * never on N-1, whatever fell out of the window before. The idea: a naive model keeps every failure
 * there ever was and counts them anew each time; once for the window alone, once for a world in
 * which dials fail by themselves and the log says when the source was suspended.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FailureWindow } from '../../src/domain/source-health.ts';
import type { SuspendedBody } from '../../src/events/source.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

const countIn = (times: readonly number[], at: number, periodMs: number): number =>
  times.filter((time) => time <= at && at - time < periodMs).length;

const windowPlay = fc.record({
  count: fc.integer({ min: 1, max: 40 }),
  periodMs: fc.integer({ min: 1, max: 100_000 }),
  // Steps near the period meet its edge; a jump of the clock is a step like any other.
  steps: fc.array(
    fc.oneof(fc.nat(50), fc.nat(5_000), fc.nat(10_000_000), fc.constantFrom('edge', 'before')),
    { minLength: 1, maxLength: 200 },
  ),
});

test('the window fires at the Nth failure inside it', async () => {
  const property = fc.property(windowPlay, ({ count, periodMs, steps }) => {
    const window = new FailureWindow(periodMs);
    const times: number[] = [];
    let at = 1_000_000;
    for (const step of steps) {
      // To the very end of the oldest that counts, or to the moment before.
      const oldest = times.find((time) => at - time < periodMs) ?? at;
      if (typeof step === 'number') at += step;
      else at = Math.max(at, oldest + periodMs - (step === 'edge' ? 0 : 1));
      times.push(at);
      const fired = window.add({ at, where: '', cause: '' }, count);
      const inside = countIn(times, at, periodMs);
      assert.equal(fired, inside >= count, `${inside} of ${count} at ${at}`);
      assert.ok(window.length <= count, 'holds no more than the rule asks for');
      assert.ok(window.notes.length <= 8, 'tells of few');
      assert.equal(window.length, Math.min(count, inside), 'and no fewer');
    }
  });
  await assertLaw(property, 0.4);
});

const CODES = ['FAULT_LINK_UNPLUMBED', 'FAULT_PROXY_UNREACHABLE'] as const;
const KINDS = {
  FAULT_LINK_UNPLUMBED: 'Unplumbed',
  FAULT_PROXY_UNREACHABLE: 'ProxyUnhealthy',
} as const;

const worldPlay = fc.record({
  seed: fc.nat(),
  limit: fc.integer({ min: 2, max: 6 }),
  periodS: fc.integer({ min: 5, max: 120 }),
  // Mail, one message after the other: each is one dial, one failure, and which.
  mails: fc.array(fc.record({ waitMs: fc.oneof(fc.nat(2_000), fc.nat(40_000)), code: fc.nat(1) }), {
    minLength: 4,
    maxLength: 30,
  }),
});

let suspensions = 0;

test('a source is suspended at the Nth failure inside the window, and not before', async () => {
  const property = fc.asyncProperty(worldPlay, async ({ seed, limit, periodS, mails }) => {
    const rule = { trigger: { Threshold: `${limit}/${periodS}s` }, duration: '1s' };
    const plan = makePlan({ queue: { egress_pool: 'one', retry_interval: '2h', max_age: '1d' } });
    plan.sources['ip-1'] = {
      source_address: '192.0.2.1',
      suspend_when_unplumbed: rule,
      suspend_when_proxy_unhealthy: rule,
    };
    const world = await makeWorld({ seed, plan }, false);
    for (const { waitMs, code } of mails) {
      world.net.broken.from.set('192.0.2.1', CODES[code] as (typeof CODES)[number]);
      world.submit(['u@a.test']);
      await world.runFor(1_500 + waitMs);
    }
    const failed = world.net.broken.failed.map(({ at, code }) => ({
      at,
      kind: KINDS[code as (typeof CODES)[number]],
    }));
    const told = world.witness.records.filter(({ type }) => type === 'source.suspended');
    const fired = failed.filter(({ at, kind }, index) => {
      const same = failed.slice(0, index + 1).filter((one) => one.kind === kind);
      return (
        countIn(
          same.map((one) => one.at),
          at,
          periodS * 1_000,
        ) >= limit
      );
    });
    suspensions += told.length;
    const says = told.map(({ at, body }) => ({ at, ...(JSON.parse(body) as SuspendedBody) }));
    assert.equal(says.length, fired.length, JSON.stringify({ failed, says }));
    for (const [index, { at, reason, count }] of says.entries()) {
      const { at: failedAt, kind } = fired[index] as (typeof failed)[number];
      assert.equal(reason, kind);
      assert.equal(count, limit);
      assert.ok(at >= failedAt && at <= failedAt + 50, `${at - failedAt} ms after the failure`);
    }
  });
  await assertLaw(property, 0.6, () => suspensions > 0);
});
