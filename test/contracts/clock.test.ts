/**
 * The laws of a clock, held against the one of a running worker on real and on faked timers.
 * The idea: whatever the platform's clock does, time goes forward and no alarm rings early.
 * Deliberately unknown here: who arms alarms.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClockParts } from '../../src/ports/node/clock.ts';
import { createClock, TIMER_WAIT_MS_MAX } from '../../src/ports/node/clock.ts';

interface Faked extends ClockParts {
  wallMs: number;
  steadyAtMs: number;
  readonly waits: number[];
  readonly pending: Map<unknown, () => void>;
  fire(passedMs: number): void;
}

const fake = (): Faked => {
  const pending = new Map<unknown, () => void>();
  const faked: Faked = {
    wallMs: 1_700_000_000_000,
    steadyAtMs: 12.25,
    waits: [],
    pending,
    wall: () => faked.wallMs,
    steady: () => faked.steadyAtMs,
    setTimer: (task, waitMs) => {
      faked.waits.push(waitMs);
      const timer = Symbol('timer');
      pending.set(timer, task);
      return timer;
    },
    clearTimer: (timer) => {
      pending.delete(timer);
    },
    fire: (passedMs) => {
      faked.steadyAtMs += passedMs;
      const tasks = [...pending.values()];
      pending.clear();
      for (const task of tasks) task();
    },
  };
  return faked;
};

describe('the clock', () => {
  it('is an integer that follows the steady clock, whatever the wall does', () => {
    const parts = fake();
    const clock = createClock(parts);
    const start = clock.now();
    assert.equal(start, parts.wallMs);
    parts.wallMs -= 86_400_000;
    parts.steadyAtMs += 5.9;
    assert.equal(clock.now(), start + 5);
    assert.ok(Number.isInteger(clock.now()));
    parts.wallMs += 30 * 86_400_000;
    assert.equal(clock.now(), start + 5);
  });

  it('clamps what a timer cannot hold and arms it again until it is due', () => {
    const parts = fake();
    const clock = createClock(parts);
    let rings = 0;
    const days = 30 * 86_400_000;
    clock.arm(days, () => {
      rings += 1;
    });
    assert.deepEqual(parts.waits, [TIMER_WAIT_MS_MAX]);
    parts.fire(TIMER_WAIT_MS_MAX);
    assert.equal(rings, 0);
    assert.deepEqual(parts.waits, [TIMER_WAIT_MS_MAX, days - TIMER_WAIT_MS_MAX]);
    parts.fire(days - TIMER_WAIT_MS_MAX);
    assert.equal(rings, 1);
    assert.equal(parts.pending.size, 0);
  });

  it('waits on when a timer fires early', () => {
    const parts = fake();
    const clock = createClock(parts);
    let rings = 0;
    clock.arm(10, () => {
      rings += 1;
    });
    parts.fire(9.5);
    assert.equal(rings, 0);
    assert.deepEqual(parts.waits, [10, 1]);
    parts.fire(0.5);
    assert.equal(rings, 1);
  });

  it('has one alarm: arming replaces, disarming forgets, and a ring may arm again', () => {
    const parts = fake();
    const clock = createClock(parts);
    const rung: string[] = [];
    clock.arm(5, () => rung.push('first'));
    clock.arm(5, () => {
      rung.push('second');
      clock.arm(5, () => rung.push('third'));
    });
    assert.equal(parts.pending.size, 1);
    parts.fire(5);
    parts.fire(5);
    assert.deepEqual(rung, ['second', 'third']);
    clock.arm(5, () => rung.push('never'));
    clock.disarm();
    parts.fire(10);
    assert.deepEqual(rung, ['second', 'third']);
  });

  it('takes spans that are no waits for due now, and an endless one for far away', () => {
    for (const span of [-1, 0, Number.NaN, Number.NEGATIVE_INFINITY]) {
      const parts = fake();
      createClock(parts).arm(span, () => undefined);
      assert.deepEqual(parts.waits, [0], String(span));
    }
    const parts = fake();
    createClock(parts).arm(Number.POSITIVE_INFINITY, () => assert.fail('it rang'));
    parts.fire(TIMER_WAIT_MS_MAX);
    assert.deepEqual(parts.waits, [TIMER_WAIT_MS_MAX, TIMER_WAIT_MS_MAX]);
  });

  it('runs on real timers', async () => {
    const clock = createClock();
    assert.ok(Math.abs(clock.now() - Date.now()) < 1_000);
    const order: string[] = [];
    const armedAt = clock.steadyMs();
    await new Promise<void>((resolve) => {
      clock.arm(30, () => {
        order.push('rang');
        resolve();
      });
      clock.soon(() => order.push('soon'));
      order.push('now');
    });
    assert.ok(clock.steadyMs() - armedAt >= 30);
    assert.deepEqual(order, ['now', 'soon', 'rang']);
  });

  it('does not take 30 days for a moment on real timers', async () => {
    const clock = createClock();
    clock.arm(30 * 86_400_000, () => assert.fail('it rang at once'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.disarm();
  });
});
