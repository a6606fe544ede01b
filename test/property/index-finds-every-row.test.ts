/**
 * The law of the slot index: after any additions and removals it finds exactly the numbers it
 * holds, each at its slot. The naive model is a Map.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SlotIndex } from '../../src/domain/slot-index.ts';

// Few distinct numbers that fall close together and far apart, so that probes collide and wrap.
const numbers = fc.oneof(
  fc.integer({ min: 0, max: 63 }),
  fc.integer({ min: 0, max: 63 }).map((n) => n * 4096),
  fc.integer({ min: 0, max: 63 }).map((n) => n * 2 ** 33),
);

test('the index finds what it holds and nothing else', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), numbers), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (all) => {
      const numberAt: number[] = [];
      const model = new Map<number, number>();
      const index = new SlotIndex((slot) => numberAt[slot] as number);
      for (const [isAdded, number] of all) {
        if (isAdded && !model.has(number)) {
          const slot = numberAt.push(number) - 1;
          model.set(number, slot);
          index.add(slot);
        } else if (!isAdded && model.has(number)) {
          index.remove(number);
          model.delete(number);
        }
        assert.equal(index.size, model.size);
      }
      for (const [, number] of all) assert.equal(index.find(number), model.get(number) ?? -1);
    }),
    { numRuns: 500 },
  );
});

test('the index grows without losing a row', () => {
  const index = new SlotIndex((slot) => slot * 7 + 65_536);
  for (let slot = 0; slot < 50_000; slot += 1) index.add(slot);
  for (let slot = 0; slot < 50_000; slot += 1) assert.equal(index.find(slot * 7 + 65_536), slot);
  assert.equal(index.find(65_537), -1);
});
