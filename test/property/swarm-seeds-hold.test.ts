/**
 * Law: what the swarm once found stays mended: every seed that ever failed is played again, and
 * with it the small play that was left of it. The idea: the file is written by the swarm itself
 * (`npm run swarm -- --seed S --keep`), so no find is lost on the way into a test.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKept } from '../swarm/kept.ts';
import { playOut, playSeed } from '../swarm/swarm.ts';

for (const { seed, turns, law, play } of readKept()) {
  test(`seed ${seed} breaks ${law} no more`, async () => {
    await playOut(play);
    const { failure } = await playSeed(seed, { turns });
    assert.equal(failure?.says, undefined, failure?.law);
  });
}

test('there are seeds', () => assert.ok(readKept().length > 0));
