/**
 * Law: the number of connections a ready queue asks for is whole, never exceeds its limit nor its
 * messages, is at least one when both allow it, and grows with either.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { targetSessions } from '../../src/domain/sessions.ts';

const counts = fc.oneof(fc.nat(300), fc.nat(1_000_000));

test('the target stays within the limit and the queue', () => {
  fc.assert(
    fc.property(counts, counts, (limit, queued) => {
      const target = targetSessions(limit, queued);
      assert.ok(Number.isInteger(target));
      assert.ok(target >= Math.min(1, limit, queued));
      assert.ok(target <= Math.min(limit, queued));
    }),
    { numRuns: 1_000 },
  );
});

test('the target grows with the queue and with the limit', () => {
  fc.assert(
    fc.property(counts, counts, fc.nat(100), (limit, queued, more) => {
      assert.ok(targetSessions(limit, queued + more) >= targetSessions(limit, queued));
      assert.ok(targetSessions(limit + more, queued) >= targetSessions(limit, queued));
    }),
    { numRuns: 1_000 },
  );
});

test('known values for a limit of 32', () => {
  const expected = [
    [0, 0],
    [1, 1],
    [4, 3],
    [10, 7],
    [32, 17],
    [64, 25],
    [128, 31],
    [256, 32],
    [100_000, 32],
  ] as const;
  for (const [queued, sessions] of expected) assert.equal(targetSessions(32, queued), sessions);
});
