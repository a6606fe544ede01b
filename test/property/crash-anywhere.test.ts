/**
 * Law: the process may stop between any two steps, and what follows is right: nothing acknowledged
 * is lost, and a second copy exists only where the log lists an attempt of unknown outcome. The
 * idea: a play with crashes, then a row of lives of a few steps each, then calm until every message
 * has ended.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEnded } from '../../src/testing/world/witness.ts';
import type { World } from '../../src/testing/world/world.ts';
import { DOMAINS } from '../world/acts.ts';
import { checkBalance, checkCopies, checkPromises, checkWhole } from '../world/judge.ts';
import { runPlays } from '../world/law.ts';
import { turnKind } from '../world/settling-down.ts';

const LIVES = 8;
const LIFE_STEPS_MAX = 90;
const HOURS_MS = 2 * 3_600_000;

async function dieOften(world: World): Promise<void> {
  for (let life = 0; life < LIVES; life += 1) {
    const steps = world.chance.between(1, LIFE_STEPS_MAX);
    for (let left = steps; left > 0; left -= 1) world.step();
    world.submit([`u${life}@${world.chance.pick(DOMAINS)}`, 'later1@b.test']);
    await world.crash();
    checkBalance(world);
    checkPromises(world);
  }
}

test('crash anywhere', async () => {
  let unknown = 0;
  let plays = 0;
  await runPlays(
    {
      each: checkBalance,
      after: checkPromises,
      end: async (world) => {
        plays += 1;
        await dieOften(world);
        // Mail of which the policy never says how it is sent waits for as long as that is so.
        turnKind(world);
        await world.runFor(HOURS_MS);
        checkBalance(world);
        checkPromises(world);
        checkCopies(world);
        checkWhole(world);
        for (const story of world.witness.messages.values()) {
          assert.ok(isEnded(story), `${story.id} came to an end`);
          unknown += story.unsettled.length;
        }
      },
    },
    { hasFaults: true, hasCrashes: true },
  );
  assert.ok(plays > 0, 'there was time for a play');
  if (plays > 20) assert.ok(unknown > 0, 'the plays have attempts of unknown outcome');
});
