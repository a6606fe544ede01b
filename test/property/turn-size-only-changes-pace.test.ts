/**
 * Law: without faults the set of outcomes does not depend on the bounds of a turn. The idea: the
 * same mail goes through worlds that differ in nothing but those bounds; every recipient must end
 * alike, whatever the order. Deliberately unknown here: when anything happens.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Limits } from '../../src/domain/limits.ts';
import { DOMAINS } from '../world/acts.ts';
import { assertLaw, makeWorld } from '../world/law.ts';

const HOURS_MS = 3 * 3_600_000;

const recipients = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom('u', 'v', 'bad', 'later'), fc.nat(4), fc.constantFrom(...DOMAINS))
    .map(([local, number, domain]) => `${local}${number}@${domain}`),
  { minLength: 1, maxLength: 6 },
);
const mails = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.constant(0), fc.nat(2_000)),
    times: fc.integer({ min: 1, max: 12 }),
    to: recipients,
  }),
  {
    minLength: 1,
    maxLength: 8,
  },
);
const bounds = fc.record({
  turnInputsMax: fc.integer({ min: 1, max: 40 }),
  turnRecordsMax: fc.integer({ min: 1, max: 40 }),
  turnsInFlightMax: fc.integer({ min: 1, max: 4 }),
  paceRowsMin: fc.integer({ min: 1, max: 1_000 }),
  paceMsMax: fc.integer({ min: 1, max: 2_000 }),
});

type Letters = readonly {
  readonly waitMs: number;
  readonly times: number;
  readonly to: readonly string[];
}[];

/** What became of each recipient, by mark of the mail. */
async function play(seed: number, limits: Partial<Limits>, letters: Letters) {
  const world = await makeWorld({ seed, limits }, false);
  for (const { waitMs, times, to } of letters) {
    await world.runFor(waitMs);
    for (let left = times; left > 0; left -= 1) world.submit(to);
  }
  await world.runFor(HOURS_MS);
  const outcomes: Record<string, string> = {};
  for (const { mark, messages } of world.mails.values()) {
    for (const { id, to } of messages) {
      const story = world.witness.messages.get(id);
      to.forEach((address, index) => {
        outcomes[`${mark} ${address}`] = story?.ends.get(index)?.kind ?? 'nothing';
      });
    }
  }
  return outcomes;
}

test('turn size only changes pace', async () => {
  const property = fc.asyncProperty(fc.nat(), bounds, mails, async (seed, limits, letters) => {
    const usual = await play(seed, {}, letters);
    const other = await play(seed, limits, letters);
    assert.deepEqual(other, usual);
  });
  await assertLaw(property);
});

test('turns of one input end as usual ones do, in every way there is', async () => {
  const to = ['u1@a.test', 'bad1@a.test', 'later1@b.test', 'v1@same.test', 'later2@c.test'];
  const letters = [
    { waitMs: 0, times: 9, to },
    { waitMs: 700, times: 3, to: to.slice(1) },
  ];
  const usual = await play(7, {}, letters);
  const smallest = { turnInputsMax: 1, turnRecordsMax: 1, turnsInFlightMax: 1, paceRowsMin: 1 };
  assert.deepEqual(await play(7, smallest, letters), usual);
  const kinds = [...new Set(Object.values(usual))].sort();
  assert.deepEqual(kinds, ['bounced', 'delivered', 'expired']);
});
