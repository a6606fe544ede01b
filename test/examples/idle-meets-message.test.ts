/**
 * A message is counted for a connection just as that connection's idle time is over: it goes back
 * without an attempt and at once, for nothing of it was said. Deliberately unknown here: rates as
 * such; one is only needed so that a message waits for as long as a connection does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const DOMAINS = ['a.test', 'b.test', 'c.test', 'd.test'];
const EACH = 6;
/** The two meet in one of some sixty worlds; in which one is up to what the engine does before. */
const FIRST_SEED = 45;
const WORLDS_MAX = 400;

async function playWorld(seed: number) {
  const world = await World.start({
    seed,
    plan: makePlan({
      path: { additional_message_rate_throttles: { all: '29/50s,max_burst=5' } },
      queue: { egress_pool: 'one' },
    }),
    manners: Object.fromEntries(DOMAINS.map((domain) => [domain, accepting])),
  });
  world.plan.paths['ip-1'] = {};
  await world.runFor(100);
  for (let count = 0; count < EACH; count += 1) {
    for (const domain of DOMAINS) world.submit([`u${count}@${domain}`]);
  }
  await world.runFor(60_000);
  const types = world.witness.records.map(({ type }) => type);
  return (type: string): number => types.filter((one) => one === type).length;
}

test('a message given to a connection that parts is not of unknown outcome', async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + WORLDS_MAX; seed += 1) {
    const count = await playWorld(seed);
    assert.equal(count('message.delivered'), EACH * DOMAINS.length, `seed ${seed}`);
    assert.equal(count('message.unsettled'), 0, `seed ${seed}`);
    if (count('message.returned') > 0) return;
  }
  assert.fail('the two never met');
});
