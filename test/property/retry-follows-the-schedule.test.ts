/**
 * Law: retry delays double from the base to the cap, jitter stays within its width, and a message
 * is either due within its lifetime or expired, never both and never in the past.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RetryLimits } from '../../src/domain/retry.ts';
import {
  expiryReply,
  nextAttempt,
  nextReturn,
  plainDelayMs,
  retryDelayMs,
} from '../../src/domain/retry.ts';

const S = 1_000;
const CREATED = 1_750_000_000_000;
const middle = () => 0.5;

/** The delays, in seconds, that a message without jitter goes through until it expires. */
function journey(limits: RetryLimits): number[] {
  const delays: number[] = [];
  let now = CREATED;
  for (let attempts = 0; attempts < 1_000; attempts += 1) {
    const next = nextAttempt(limits, { createdAt: CREATED, now }, attempts, middle);
    if (next.expired) return delays;
    delays.push((next.dueAt - now) / S);
    now = next.dueAt;
  }
  return assert.fail('the message never expired');
}

test('known journeys', () => {
  const doubling = { retry_interval: 2 * S, max_age: 1_024 * S };
  assert.deepEqual(journey(doubling), [2, 4, 8, 16, 32, 64, 128, 256, 512]);
  const capped = { retry_interval: 2 * S, max_retry_interval: 8 * S, max_age: 128 * S };
  assert.deepEqual(journey(capped), [2, 4, ...new Array<number>(15).fill(8)]);
  const day = { retry_interval: 1_200 * S, max_age: 86_400 * S };
  assert.deepEqual(journey(day), [1_200, 2_400, 4_800, 9_600, 19_200, 38_400]);
});

const schedule = fc.record(
  {
    retry_interval: fc.oneof(fc.nat(100 * S), fc.nat(86_400 * S)),
    max_retry_interval: fc.nat(10 * 86_400 * S),
  },
  { requiredKeys: ['retry_interval'] },
);
const attempts = fc.oneof(fc.nat(40), fc.nat(100_000));
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('delays are whole seconds, grow up to the cap, and jitter keeps to its width', () => {
  fc.assert(
    fc.property(schedule, attempts, unit, (given, made, uniform) => {
      const plain = plainDelayMs(given, made);
      assert.ok(plain % S === 0 && Number.isSafeInteger(plain));
      assert.ok(plain <= plainDelayMs(given, made + 1));
      assert.ok(plain <= (given.max_retry_interval ?? Infinity));
      const delay = retryDelayMs(given, made, () => uniform);
      assert.ok(delay >= S && Number.isSafeInteger(delay) && delay % S === 0);
      const widthMs = Math.min(given.retry_interval / 20, 60 * S);
      // Below a second a message would be tried in a loop.
      assert.ok(Math.abs(delay - Math.max(S, plain)) <= widthMs / 2);
      if (given.retry_interval < 40 * S) assert.equal(delay, Math.max(S, plain));
    }),
    { numRuns: 1_000 },
  );
});

test('the default base of 20 minutes is spread over 30 seconds to both sides', () => {
  const given = { retry_interval: 1_200 * S };
  assert.equal(
    retryDelayMs(given, 0, () => 0),
    1_170 * S,
  );
  assert.equal(
    retryDelayMs(given, 0, () => 0.999_999),
    1_229 * S,
  );
  assert.equal(
    retryDelayMs(given, 3, () => 0),
    (9_600 - 30) * S,
  );
});

test('a message is due within its lifetime, or has expired', () => {
  const span = fc.nat(20 * 86_400 * S);
  fc.assert(
    fc.property(schedule, span, span, fc.option(span), attempts, unit, (given, ...rest) => {
      const [max_age, ageMs, lifeMs, made, uniform] = rest;
      const limits = { ...given, max_age };
      const waiting = { createdAt: CREATED, now: CREATED + ageMs };
      const expiring = lifeMs === null ? waiting : { ...waiting, expiresAt: CREATED + lifeMs };
      const endAt = CREATED + (lifeMs ?? max_age);
      const delayMs = retryDelayMs(limits, made, () => uniform);
      const next = nextAttempt(limits, expiring, made, () => uniform);
      const isTooLate =
        lifeMs === null ? waiting.now + delayMs > endAt : waiting.now + delayMs >= endAt;
      assert.equal(next.expired, isTooLate);
      if (!next.expired) assert.equal(next.dueAt, waiting.now + delayMs);
      const back = nextReturn(limits, expiring, waiting.now);
      assert.equal(back.expired, waiting.now >= endAt);
      if (!back.expired) assert.equal(back.dueAt, waiting.now);
    }),
    { numRuns: 1_000 },
  );
});

test('the texts say what happened', () => {
  const limits = { retry_interval: 1_200 * S, max_age: 3_600 * S };
  const waiting = { createdAt: CREATED, now: CREATED + 3_000 * S };
  const text = 'Next delivery time would be 1h 10m after creation, which exceeds max_age=1h';
  assert.deepEqual(nextAttempt(limits, waiting, 0, middle), { expired: true, text });
  assert.deepEqual(nextReturn(limits, waiting, CREATED + 3_600 * S), {
    expired: true,
    text: 'Next delivery time 1h > 1h',
  });
  const expiring = { ...waiting, expiresAt: CREATED + 3_001 * S };
  const late = nextAttempt(limits, expiring, 0, middle);
  assert.match(
    late.expired ? late.text : '',
    /2025-06-15T16:16:40\.000Z.*2025-06-15T15:56:41\.000Z/,
  );
  assert.deepEqual(expiryReply('x'), { code: 551, enhanced: '5.4.7', text: 'x' });
});
