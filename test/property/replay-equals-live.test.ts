/**
 * Law: folding the log gives the live books, and its charts stand where the books say; so does a
 * snapshot with the records after it. The idea: after every act of a play, when nothing is in
 * flight, the history is folded anew, from the start and from each snapshot there is.
 */
import { test } from 'node:test';
import { makePlan } from '../../src/testing/world/policy.ts';
import { runPlays } from '../world/law.ts';
import { checkReplay } from '../world/refolding.ts';

/** Rates that are on record as they are used. */
const RATED = () => ({
  plan: makePlan({
    queue: { max_message_rate: '5/s' },
    path: { max_message_rate: '3/m', source_selection_rate: '20/s,max_burst=1' },
  }),
});

test('replay equals live', async () => {
  await runPlays(
    {
      each: () => {},
      after: checkReplay,
      end: async (world) => {
        world.calm();
        await world.runFor(60_000);
        checkReplay(world);
      },
    },
    { hasFaults: true, hasCrashes: true, knobs: (seed) => (seed % 2 === 0 ? {} : RATED()) },
  );
});
