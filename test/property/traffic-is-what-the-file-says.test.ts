/**
 * Law: a traffic file gives every message it names and every message of its flows, once, in order
 * of time and within their spans; the same bytes and seed give the same arrivals, and another seed
 * changes when a flow's messages come, not how many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Arriving } from '../../src/testing/traffic/arriving.ts';
import { arrivals, surveyTraffic } from '../../src/testing/traffic/traffic.ts';
import { linesOf } from '../examples/day-kit.ts';
import { assertLaw } from '../world/law.ts';

const HOUR_MS = 3_600_000;
const weights = fc
  .array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 })
  .filter((all) => all.length === 0 || all.some((one) => one > 0));
const flow = fc.record({
  from: fc.integer({ min: 0, max: 5 * HOUR_MS }),
  minutes: fc.integer({ min: 1, max: 400 }),
  messages: fc.integer({ min: 1, max: 200 }),
  hours: weights,
});
const single = fc.record({ at: fc.integer({ min: 0, max: 6 * HOUR_MS }), jitter: fc.nat(3) });
const file = fc.record({
  flows: fc.array(flow, { maxLength: 4 }),
  singles: fc.array(single, { minLength: 1, maxLength: 60 }),
  seed: fc.nat(),
});

async function all(lines: readonly object[], seed: number): Promise<Arriving[]> {
  const open = linesOf(lines);
  const survey = await surveyTraffic('f.ndjson', open);
  const found: Arriving[] = [];
  for await (const one of arrivals(survey, open, seed)) found.push(one);
  return found;
}

/** True where an hour of the flow that nothing weighs holds a message of it. */
const isIdle = (hours: readonly number[], sinceMs: number): boolean =>
  hours.length > 0 && hours[Math.floor(sinceMs / HOUR_MS) % hours.length] === 0;

test('traffic is what the file says', async () => {
  const property = fc.asyncProperty(file, async ({ flows, singles, seed }) => {
    const usable = flows.filter(({ hours, minutes }) => {
      const reached = hours.slice(0, Math.ceil(minutes / 60));
      return hours.length === 0 || reached.some((one) => one > 0);
    });
    const sorted = [...singles].sort((a, b) => a.at - b.at);
    // A few stand before earlier ones, as records do.
    const order = sorted.map((one, index) => ({ one, place: index + one.jitter }));
    order.sort((a, b) => a.place - b.place);
    const lines = [
      ...order.map(({ one }, index) => ({ at: one.at, to: [`s${index}@one.test`] })),
      ...usable.map(({ minutes, ...rest }, index) => ({
        flow: 'f',
        for: `${minutes}m`,
        domains: { [`f${index}.test`]: 1 },
        ...rest,
      })),
    ];
    const found = await all(lines, seed);
    assert.deepEqual(await all(lines, seed), found, 'the same again');
    const times = found.map(({ at }) => at);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
      'in order',
    );
    const of = (domain: string): Arriving[] => found.filter(({ to }) => to[0]?.endsWith(domain));
    assert.equal(new Set(of('@one.test').map(({ to }) => to[0])).size, singles.length);
    for (const [index, { from, minutes, messages, hours }] of usable.entries()) {
      const own = of(`@f${index}.test`);
      assert.equal(own.length, messages);
      assert.equal(new Set(own.map(({ to }) => to[0])).size, messages);
      for (const { at } of own) {
        assert.ok(at >= from && at < from + minutes * 60_000, `${at} is outside the flow`);
        assert.ok(!isIdle(hours, at - from), `${at} is in an hour without weight`);
      }
    }
    const other = await all(lines, seed + 1);
    assert.equal(other.length, found.length);
    for (const index of usable.keys()) {
      const name = `@f${index}.test`;
      assert.equal(other.filter(({ to }) => to[0]?.endsWith(name)).length, of(name).length);
    }
  });
  await assertLaw(property);
});
