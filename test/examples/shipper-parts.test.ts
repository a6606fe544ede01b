/**
 * The small parts of a shipper by themselves: filter, back-off, rates, answers of sinks.
 * Deliberately unknown here: how a shipper uses them.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { HookFilter } from '../../src/projections/hook.ts';
import type { LogRecord } from '../../src/projections/log-record/record.ts';
import {
  BACK_OFF_MS_MIN,
  BackOff,
  JITTER_SHARE,
  RETRY_AFTER_MS_MAX,
} from '../../src/projections/shipper/back-off.ts';
import { fillWaitMs } from '../../src/projections/shipper/batch.ts';
import { makeFilter } from '../../src/projections/shipper/filter.ts';
import { Pace } from '../../src/projections/shipper/pace.ts';
import { readAnswer } from '../../src/projections/shipper/sending.ts';
import { makeRecord } from '../world/hook-log.ts';
import { EVERYTHING } from '../world/hook-world.ts';

const record = (fields: Partial<LogRecord> = {}): LogRecord =>
  makeRecord({ event_id: 'e', ...fields });

describe('filter', () => {
  const passes = (filter: Partial<HookFilter>, fields: Partial<LogRecord>): boolean =>
    makeFilter('w', { ...EVERYTHING, ...filter }, undefined, assert.fail)(record(fields));

  test('by type, tenant, campaign and domain of a recipient', () => {
    assert.ok(!passes({ types: new Set(['Bounce']) }, { type: 'Delivery' }));
    assert.ok(passes({ types: new Set(['Bounce']) }, { type: 'Bounce' }));
    const queue = 'spring:shop@a.test!relay.test';
    assert.ok(passes({ tenants: new Set(['shop']), campaigns: new Set(['spring']) }, { queue }));
    assert.ok(!passes({ tenants: new Set(['shop']), campaigns: new Set(['fall']) }, { queue }));
    assert.ok(!passes({ tenants: new Set(['shop']) }, { queue: 'a.test' }));
    const domains = new Set(['b.test']);
    assert.ok(passes({ domains }, { recipient: ['x@a.test', 'y@B.Test'] }));
    assert.ok(!passes({ domains }, { recipient: 'x@a.test' }));
    assert.ok(!passes({ domains }, { recipient: [] }));
  });

  test('the policy decides, picks a hook, or says nothing', () => {
    const noted: string[] = [];
    const says = (answer: unknown): boolean =>
      makeFilter(
        'w',
        EVERYTHING,
        () => answer,
        (cause) => noted.push(cause),
      )(record());
    assert.deepEqual([true, false, undefined, 'w', 'v'].map(says), [
      true,
      false,
      true,
      true,
      false,
    ]);
    assert.deepEqual(noted, []);
    assert.deepEqual([null, 0, Promise.resolve(false)].map(says), [true, true, true]);
    assert.equal(noted.length, 3);
  });

  test('the policy is not asked for what the hook does not take, and may throw', () => {
    const noted: string[] = [];
    const filter = { types: new Set(['Bounce'] as const) };
    const takes = makeFilter(
      'w',
      filter,
      () => {
        throw new Error('slip');
      },
      (cause) => noted.push(cause),
    );
    assert.equal(takes(record()), false);
    assert.deepEqual(noted, []);
    assert.equal(takes(record({ type: 'Bounce' })), true);
    assert.deepEqual(noted, ['slip']);
  });
});

describe('back-off', () => {
  const ms = fc.nat(3_600_000);

  test('doubles up to the cap, jitter keeps to its width, and a success begins anew', () => {
    const property = fc.property(
      ms,
      ms,
      fc.nat(80),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (first, cap, failures, dice) => {
        const shape = { retryIntervalMs: first, maxRetryIntervalMs: cap };
        const backOff = new BackOff();
        backOff.failures = failures;
        const plain = Math.max(BACK_OFF_MS_MIN, Math.min(first * 2 ** failures, cap));
        const waitMs = backOff.next(shape, { uniform: () => dice });
        assert.ok(Math.abs(waitMs - plain) <= (plain * JITTER_SHARE) / 2 + 1, `${waitMs} ${plain}`);
        assert.equal(backOff.failures, failures + 1);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  test('what the receiver asks for holds where it is longer, up to a day', () => {
    const shape = { retryIntervalMs: 1_000, maxRetryIntervalMs: 1_000 };
    const random = { uniform: () => 0.5 };
    const next = (asked: number): number => new BackOff().next(shape, random, asked);
    assert.deepEqual(
      [0, 500, 5_000, Number.NaN, -1].map(next),
      [1_000, 1_000, 5_000, 1_000, 1_000],
    );
    assert.equal(next(RETRY_AFTER_MS_MAX * 9), RETRY_AFTER_MS_MAX);
  });
});

test('a batch is due when it is full enough or its first record old enough', () => {
  const batching = { batchSize: 10, minBatchSize: 4, maxBatchLatencyMs: 500 };
  assert.equal(fillWaitMs(batching, 4, 0), 0);
  assert.equal(fillWaitMs(batching, 3, 100), 400);
  assert.equal(fillWaitMs(batching, 3, 600), 0);
  assert.equal(fillWaitMs({ ...batching, minBatchSize: 99 }, 10, 0), 0);
});

test('a rate lets no more go than burst and rate, and who waits as told may go', () => {
  const spec = fc.record({
    limit: fc.integer({ min: 1, max: 1_000 }),
    periodMs: fc.constantFrom(1_000, 60_000, 3_600_000),
    maxBurst: fc.nat(1_000),
    local: fc.constant(true),
  });
  const wants = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 60 });
  const property = fc.property(spec, wants, (rate, all) => {
    const pace = new Pace();
    let [now, used] = [0, 0];
    for (const wanted of all) {
      const waitMs = pace.waitMs(rate, wanted, now);
      if (waitMs > 0) assert.equal(pace.allows(rate, wanted, now), 0);
      now += waitMs;
      const allowed = pace.allows(rate, wanted, now);
      assert.ok(allowed > 0 && allowed <= wanted);
      pace.use(rate, allowed, now);
      used += allowed;
      const most = Math.max(1, rate.maxBurst) + (now * rate.limit) / rate.periodMs;
      assert.ok(used <= most + 1e-3, `${used} of ${most} at ${now}`);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test('an answer that cannot be understood confirms nothing', () => {
  const kinds = [
    { kind: 'settled', refused: [] },
    { kind: 'settled', refused: [{ index: 1, reason: 'no' }] },
    { kind: 'settled', refused: [{ index: 2, reason: 'no' }] },
    { kind: 'settled', refused: [{ index: -1, reason: 'no' }] },
    { kind: 'settled', refused: [null] },
    { kind: 'settled' },
    { kind: 'failed' },
    undefined,
    null,
    'ok',
  ].map((answer) => readAnswer(answer, 2).kind);
  assert.deepEqual(kinds, ['settled', 'settled', ...new Array<string>(8).fill('failed')]);
  const failed = readAnswer({ kind: 'failed', reason: 'x', retryAfterMs: 5 }, 2);
  assert.deepEqual(failed, { kind: 'failed', reason: 'x', retryAfterMs: 5 });
});
