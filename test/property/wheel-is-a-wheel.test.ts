/**
 * Law: the timer wheel rings what a naive table of due times would ring, never early, by tick, and
 * never asks to be woken later than needed. The idea: random histories of set, clear and advance,
 * with slots that set and clear others while they ring, are run on both.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TimerWheel } from '../../src/domain/timer-wheel.ts';
import { createTimerWheel } from '../../src/domain/timer-wheel.ts';

const START = 1_750_000_000_000;
const YEAR_MS = 31_557_600_000;
// The wheel ends after 8,900 years of milliseconds; histories end before.
const END = START + 8_000 * YEAR_MS;

/** What a slot does while it rings. */
interface Deed {
  readonly clears: number;
  readonly sets: number;
  readonly waitMs: number;
}

type Step =
  | { readonly kind: 'set'; readonly slot: number; readonly waitMs: number }
  | { readonly kind: 'clear'; readonly slot: number }
  | { readonly kind: 'advance'; readonly byMs: number; readonly deeds: readonly Deed[] }
  | { readonly kind: 'jump' };

const slot = fc.oneof(fc.nat(12), fc.nat(5_000));
const waitMs = fc.oneof(
  fc.integer({ min: -5_000, max: 5_000 }),
  fc.nat(2_000_000),
  fc.nat(30 * 86_400_000),
  fc.integer({ min: 0, max: 1_000 * YEAR_MS }),
);
const deed = fc.record({ clears: fc.nat(12), sets: fc.nat(12), waitMs });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), slot, waitMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), slot }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      byMs: fc.oneof(fc.nat(3_000), fc.nat(100_000_000), fc.nat(2_000 * YEAR_MS)),
      deeds: fc.array(deed, { maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'jump' as const }) },
);

/** The law's other half: a table, searched in full each time. */
class Model {
  /** Slot to due time as set, and the tick it counts for (past ones count for the current tick). */
  readonly due = new Map<number, { dueAt: number; tick: number }>();
  tick = 0;
  readonly tickMs: number;

  constructor(tickMs: number) {
    this.tickMs = tickMs;
  }

  set(slotNumber: number, dueAt: number): void {
    const tick = Math.max(Math.ceil((dueAt - START) / this.tickMs), this.tick);
    this.due.set(slotNumber, { dueAt, tick });
  }

  /** Those who ring at `now`: slot to tick. */
  ringing(now: number): Map<number, number> {
    this.tick = Math.max(this.tick, Math.floor((now - START) / this.tickMs));
    const due = [...this.due].filter(([, entry]) => entry.tick <= this.tick);
    return new Map(due.map(([number, entry]) => [number, entry.tick]));
  }

  earliestAt(): number {
    const ticks = [...this.due.values()].map((entry) => entry.tick);
    return ticks.length === 0 ? Infinity : START + Math.min(...ticks) * this.tickMs;
  }
}

/** A wheel and its model side by side; every method does the same to both and compares. */
class Pair {
  readonly wheel: TimerWheel;
  readonly model: Model;
  now = START;

  constructor(tickMs: number) {
    this.wheel = createTimerWheel(tickMs, START);
    this.model = new Model(tickMs);
  }

  set(number: number, waitMs: number): void {
    const dueAt = Math.min(this.now + waitMs, END);
    this.wheel.set(number, dueAt);
    this.model.set(number, dueAt);
    assert.equal(this.wheel.dueAt(number), dueAt);
  }

  clear(number: number): void {
    this.wheel.clear(number);
    this.model.due.delete(number);
    assert.equal(this.wheel.has(number), false);
  }

  advance(now: number, deeds: readonly Deed[]): number {
    this.now = now;
    const expected = this.model.ringing(now);
    let rung = 0;
    let lastTick = -1;
    this.wheel.advance(now, (number) => {
      const tick = expected.get(number);
      assert.ok(tick !== undefined, `slot ${number} rang without being due`);
      assert.ok(tick >= lastTick, 'slots ring in the order of their ticks');
      assert.ok((this.model.due.get(number)?.dueAt ?? Infinity) <= now, 'nothing rings early');
      assert.equal(this.wheel.has(number), false, 'a slot is removed before it rings');
      expected.delete(number);
      this.model.due.delete(number);
      lastTick = tick;
      const act = deeds[rung % Math.max(1, deeds.length)];
      rung += 1;
      if (act === undefined) return;
      this.clear(act.clears);
      this.set(act.sets, act.waitMs);
      // Cleared, or set anew while waiting to ring: it now waits for the next advance at least.
      expected.delete(act.clears);
      expected.delete(act.sets);
    });
    assert.deepEqual([...expected.keys()], [], 'everything due rang');
    return rung;
  }

  /** Follows `nextDueAt` to the next ring: one wake per level at most. */
  jump(): void {
    if (this.wheel.size === 0) return;
    for (let wakes = 0; wakes < 7; wakes += 1) {
      if (this.advance(Math.max(this.now, this.wheel.nextDueAt()), []) > 0) return;
    }
    assert.fail('nextDueAt makes no progress');
  }

  compare(): void {
    assert.equal(this.wheel.size, this.model.due.size);
    const [next, earliest] = [this.wheel.nextDueAt(), this.model.earliestAt()];
    assert.ok(next <= earliest, `${next} is later than ${earliest}`);
    assert.equal(next === Infinity, earliest === Infinity);
  }
}

function run(tickMs: number, steps: readonly Step[]): void {
  const pair = new Pair(tickMs);
  for (const action of steps) {
    if (action.kind === 'set') pair.set(action.slot, action.waitMs);
    else if (action.kind === 'clear') pair.clear(action.slot);
    else if (action.kind === 'jump') pair.jump();
    else pair.advance(Math.min(pair.now + action.byMs, END), action.deeds);
    pair.compare();
  }
  for (const [number, entry] of pair.model.due) {
    assert.equal(pair.wheel.dueAt(number), entry.dueAt);
  }
}

test('the wheel agrees with a naive table', () => {
  const tickMs = fc.constantFrom(1, 7, 100, 1_000, 3_000);
  fc.assert(fc.property(tickMs, fc.array(step, { maxLength: 60, size: 'max' }), run), {
    numRuns: 600,
  });
});

test('a due time 1,000 years out rings at its tick and not before', () => {
  const wheel = createTimerWheel(1, START);
  const dueAt = START + 1_000 * YEAR_MS + 123;
  const rung: number[] = [];
  wheel.set(3, dueAt);
  wheel.advance(dueAt - 1, (number) => rung.push(number));
  assert.equal(rung.length, 0);
  wheel.advance(dueAt, (number) => rung.push(number));
  assert.deepEqual(rung, [3]);
});

test('what is out of reach is refused', () => {
  const wheel = createTimerWheel(1_000, START);
  assert.throws(() => wheel.set(1, Infinity), RangeError);
  assert.throws(() => wheel.set(1, Number.NaN), RangeError);
  assert.throws(() => wheel.set(-1, START), RangeError);
  assert.throws(() => createTimerWheel(0, START), RangeError);
  assert.equal(wheel.size, 0);
});

test('a ring that throws loses only itself', () => {
  const wheel = createTimerWheel(1, START);
  const rung: number[] = [];
  for (const number of [1, 2, 3]) wheel.set(number, START + number);
  const throwing = (_number: number) => {
    throw new Error('ring');
  };
  assert.throws(() => wheel.advance(START + 10, throwing), /ring/);
  assert.equal(wheel.size, 2);
  assert.ok(wheel.nextDueAt() <= START + 10);
  wheel.advance(START + 10, (number) => rung.push(number));
  assert.deepEqual(rung, [2, 3]);
});
