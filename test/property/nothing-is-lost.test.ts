/**
 * Law: every accepted message is delivered, bounced, expired, removed or still due, at every turn;
 * and what was acknowledged is in the log, what is called delivered lies with an exchanger. The
 * idea: answers, log and exchangers' copies are three tellings of the same story; plays with faults
 * and crashes try to make them differ.
 */
import { test } from 'node:test';
import {
  checkBalance,
  checkCopies,
  checkOffered,
  checkPromises,
  checkWhole,
} from '../world/judge.ts';
import { runPlays } from '../world/law.ts';

test('nothing is lost', async () => {
  await runPlays(
    {
      each: (world) => {
        checkBalance(world);
        checkOffered(world);
      },
      after: (world) => {
        checkPromises(world);
        checkWhole(world);
      },
      end: async (world) => {
        await world.runFor(30_000, () => checkBalance(world));
        checkPromises(world);
        checkCopies(world);
      },
    },
    { hasFaults: true, hasCrashes: true },
  );
});
