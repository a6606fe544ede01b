/**
 * Law: the opening of a window that is found is the first minute at which a clock on the wall of
 * its zone shows a day and time within, and its end the first at which it shows none, also where
 * clocks change; whatever is asked in between, the answer to a question is the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Calendar, readTimeWindow } from '../../src/domain/time-window.ts';
import { assertLaw } from '../world/law.ts';
import { CHANGES, isOpenByWall, ZONES } from '../world/wall-clock.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const LOOK_MINUTES = 15 * DAY_MINUTES;

const two = (number: number): string => String(number).padStart(2, '0');
const timeOf = (minutes: number): string =>
  `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:00`;

const window = fc
  .record({
    days: fc.subarray(['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'], { minLength: 1 }),
    tz: fc.constantFrom(...ZONES),
    // Most changes of clocks are early in the day.
    start: fc.oneof(fc.nat(DAY_MINUTES - 1), fc.integer({ min: 0, max: 240 })),
    minutes: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 1_439 })),
  })
  .map(({ days, tz, start, minutes }) => {
    const end = start + minutes === DAY_MINUTES ? DAY_MINUTES : (start + minutes) % DAY_MINUTES;
    return readTimeWindow({ dow: days, tz, start: timeOf(start), end: timeOf(end) });
  });

const someMinute = fc
  .record({ change: fc.constantFrom(...CHANGES), by: fc.integer({ min: -4_000, max: 600 }) })
  .map(({ change, by }) => change + by * MINUTE_MS);

/** The first minute from `at` on that is open, or shut; undefined: none is for two weeks. */
function look(one: ReturnType<typeof readTimeWindow>, at: number, isOpen: boolean) {
  for (let minute = 0; minute <= LOOK_MINUTES; minute += 1) {
    const then = at + minute * MINUTE_MS;
    if (isOpenByWall(one, then) === isOpen) return then;
  }
  return undefined;
}

test('windows open by the wall clock', async () => {
  let found = 0;
  const property = fc.property(
    window,
    fc.array(someMinute, { minLength: 1, maxLength: 3 }),
    (one, moments) => {
      const calendar = new Calendar();
      for (const at of moments) {
        const opensAt = calendar.opens(one, at);
        const looked = look(one, at, true);
        if (looked === undefined) assert.ok(opensAt > at + LOOK_MINUTES * MINUTE_MS);
        else assert.equal(opensAt, looked, `opens after ${new Date(at).toISOString()}`);
        assert.equal(calendar.isOpen(one, opensAt), true);
        if (opensAt > at) assert.equal(calendar.opens(one, opensAt - 1), opensAt);
        const closesAt = calendar.closes(one, opensAt);
        const ended = look(one, opensAt, false);
        assert.equal(closesAt, ended ?? Number.POSITIVE_INFINITY, 'shuts');
        if (closesAt !== Number.POSITIVE_INFINITY) {
          assert.equal(calendar.isOpen(one, closesAt - 1), true);
          assert.equal(calendar.isOpen(one, closesAt), false);
        }
        found += 1;
      }
    },
  );
  await assertLaw(property, 1, () => found > 0);
});
