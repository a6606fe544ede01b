/**
 * The Timers port on Node's timers: later, not before its time, cancellable, however long.
 * Deliberately unknown here: who waits.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTimers } from '../../src/ports/node/timers.ts';

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a task comes later and not before its time', async () => {
  const timers = createTimers();
  for (const waitMs of [0, 1, 7, 20.5, Number.NaN, -5]) {
    const startMs = timers.steadyMs();
    const leastMs = Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs);
    let isBack = false;
    await new Promise<void>((resolve) => {
      timers.after(waitMs, () => {
        assert.equal(isBack, true, 'not within the call');
        assert.ok(timers.steadyMs() - startMs >= leastMs);
        resolve();
      });
      isBack = true;
    });
  }
});

test('what is cancelled never comes, also when it is due or far away', async () => {
  const timers = createTimers();
  let rings = 0;
  const ring = (): void => {
    rings += 1;
  };
  const cancels = [0, 5, 2 ** 40, Number.POSITIVE_INFINITY].map((ms) => timers.after(ms, ring));

  const far = timers.after(2 ** 33, ring);
  for (const cancel of cancels) cancel();
  await passed(30);
  assert.equal(rings, 0);
  far();
});

test('wall time is a time of day', () => {
  assert.ok(Math.abs(createTimers().now() - Date.now()) < 1_000);
});
