/**
 * Law: what readers of the log may still need is never let go of: their own records, and the
 * acceptances of all messages that were alive at their cursors; but for what retention gave up.
 * The idea: messages with a beginning and an end in a log of numbers, notes of what the living need
 * at random places, more of them than are kept, and readers anywhere.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FLOOR_NOTES_MAX, ReaderFloors } from '../../src/domain/reader-floors.ts';
import { assertLaw } from '../world/law.ts';

const END = 2_000;

/** Accepted at a position, alive up to and including another. */
interface Life {
  readonly from: number;
  readonly upto: number;
}

const lives = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: END }), fc.integer({ min: 0, max: END / 2 }))
    .map(([from, length]): Life => ({ from, upto: Math.min(END, from + length) })),
  { maxLength: 30 },
);
const positions = fc
  .uniqueArray(fc.integer({ min: 0, max: END }), { maxLength: FLOOR_NOTES_MAX * 3, size: 'max' })
  .map((all) => all.sort((one, other) => one - other));
const needs = fc.array(
  fc.record({
    position: fc.integer({ min: 0, max: END }),
    floor: fc.integer({ min: 0, max: END }),
  }),
  { maxLength: 4 },
);

/** What somebody who has done with everything up to `position` may ask for. */
const neededAt = (all: readonly Life[], position: number): number =>
  Math.min(
    position + 1,
    ...all.filter(({ from, upto }) => from <= position && upto > position).map(({ from }) => from),
  );

test('floors keep what readers need', async () => {
  await assertLaw(
    fc.property(lives, positions, fc.array(needs, { maxLength: 4 }), (all, noted, rounds) => {
      const floors = new ReaderFloors();
      for (const position of noted) floors.note(position, neededAt(all, position));
      let slowest = 0;
      for (const round of rounds) {
        // Cursors only advance.
        const readers = round.map((one) => ({ ...one, position: Math.max(slowest, one.position) }));
        const living = neededAt(all, END);
        const lowest = floors.lowestOf(readers, living);
        assert.ok(lowest <= living, 'what the living need stays');
        for (const { position, floor } of readers) {
          const wanted = Math.max(floor, neededAt(all, position));
          assert.ok(lowest <= wanted, `${lowest} on are kept, a reader needs ${wanted}`);
        }
        if (readers.length === 0) assert.equal(lowest, living, 'nothing is kept for nobody');
        slowest = Math.min(END, ...readers.map(({ position }) => position));
      }
    }),
    0.3,
  );
});

test('notes are bounded, and a reader that is up to date keeps next to nothing', () => {
  const floors = new ReaderFloors();
  for (let position = 1; position <= 10_000; position++) floors.note(position, position + 1);
  assert.equal(floors.at(10_000), 10_001);
  const kept = floors.lowestOf([{ position: 9_990, floor: 0 }], 10_001);
  assert.ok(kept > 9_900 && kept <= 9_991, `${kept} on are kept`);
  assert.equal(floors.lowestOf([{ position: 10_000, floor: 0 }], 10_001), 10_001);
  assert.equal(floors.lowestOf([{ position: 10_000, floor: 0 }], 9_000), 9_000);
  assert.equal(floors.lowestOf([{ position: 5, floor: 9_500 }], 10_001), 9_500, 'given up');
});
