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
/** In this world the last message meets a connection that is parting. */
const SEED = 7;

test('a message given to a connection that parts is not of unknown outcome', async () => {
  const world = await World.start({
    seed: SEED,
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
  const count = (type: string): number => types.filter((one) => one === type).length;
  assert.equal(count('message.delivered'), EACH * DOMAINS.length);
  assert.ok(count('message.returned') > 0, 'the two met');
  assert.equal(count('message.unsettled'), 0);
});
