/**
 * Law: the named alarms ring what a naive table of due times would ring, in order of time and then
 * name, and always know the earliest. The idea: random histories of set, move, clear and ring, with
 * alarms that set and clear others while they ring, are run on both.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Alarms } from '../../src/actors/alarms.ts';
import { assertLaw } from '../world/law.ts';

const name = fc.integer({ min: 0, max: 30 }).map((number) => `alarm ${number}`);
const dueAt = fc.nat(100);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('set' as const), name, dueAt }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('clear' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('ring' as const),
      now: dueAt,
      // What the ringing alarms do, one after the other.
      deeds: fc.array(
        fc.record({ sets: name, waitMs: fc.integer({ min: 1, max: 9 }), clears: name }),
      ),
    }),
  },
);

/** The table: searched in full each time. */
class Model {
  readonly due = new Map<string, number>();

  earliest(): [string, number] | undefined {
    const all = [...this.due].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
    return all[0];
  }

  ring(now: number, rang: (name: string) => void): void {
    for (;;) {
      const first = this.earliest();
      if (first === undefined || first[1] > now) return;
      this.due.delete(first[0]);
      rang(first[0]);
    }
  }
}

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function ringBoth(alarms: Alarms, model: Model, ring: Extract<Step, { do: 'ring' }>): void {
  const heard: string[] = [];
  const wanted: string[] = [];
  const deedOf = (count: number) => ring.deeds[count % Math.max(1, ring.deeds.length)];
  // What is set while ringing lies ahead, so that neither rings for ever.
  alarms.ring(ring.now, (rang) => {
    const deed = deedOf(heard.length);
    heard.push(rang);
    if (deed === undefined) return;
    alarms.set(deed.sets, ring.now + deed.waitMs);
    alarms.clear(deed.clears);
  });
  model.ring(ring.now, (rang) => {
    const deed = deedOf(wanted.length);
    wanted.push(rang);
    if (deed === undefined) return;
    model.due.set(deed.sets, ring.now + deed.waitMs);
    model.due.delete(deed.clears);
  });
  assert.deepEqual(heard, wanted);
}

test('the heap is a heap', async () => {
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    const alarms = new Alarms();
    const model = new Model();
    for (const one of steps) {
      if (one.do === 'set') {
        alarms.set(one.name, one.dueAt);
        model.due.set(one.name, one.dueAt);
      } else if (one.do === 'clear') {
        alarms.clear(one.name);
        model.due.delete(one.name);
      } else ringBoth(alarms, model, one);
      assert.equal(alarms.size, model.due.size);
      assert.equal(alarms.nextDueAt(), model.earliest()?.[1] ?? Number.POSITIVE_INFINITY);
      for (const [known, at] of model.due) assert.equal(alarms.dueAt(known), at);
    }
  });
  await assertLaw(property, 0.3);
});
