/**
 * Story: commits take seconds, and what a rate has counted waits for them. A receiver sees what
 * leaves, not what was counted: also then no span of time has more messages or dials than burst and
 * rate allow, for what waits for the disk is counted from when it leaves.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALM } from '../../src/testing/world/chance.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const BURST = 4;
const INTERVAL_MS = 100;
const RATE = `10/s,max_burst=${BURST}`;
const MESSAGES = 300;
/** The name that a dial asks for once it may go, and the steps of the world. */
const SLACK_MS = 10;

interface Seen {
  readonly mails: readonly number[];
  readonly dials: readonly number[];
  readonly world: World;
}

async function play(path: Record<string, unknown>, seed: number, slowLog: number): Promise<Seen> {
  const world = await World.start({
    seed,
    plan: makePlan({
      queue: { egress_pool: 'one', max_age: '7 days' },
      path: { ...path, max_ready: 400, idle_timeout: '60s' },
    }),
    manners: { 'a.test': accepting },
    faults: { ...CALM, slowLog },
  });
  world.plan.paths['ip-1'] = { connection_limit: 20 };
  await world.runFor(5_000);
  const mails: number[] = [];
  world.onWrite = (_link, bytes) => {
    if (bytes.toString('latin1', 0, 10) === 'MAIL FROM:') mails.push(world.now);
  };
  for (let at = 0; at < MESSAGES; at += 1) {
    world.submit([`u${at}@a.test`]);
    await world.runFor(at % 60 === 59 ? 20_000 : 10);
  }
  await world.runFor(600_000);
  return { mails, dials: world.net.dialled.map(({ at }) => at), world };
}

/** By how much, ms, the tightest span has more than it may. */
function overBy(times: readonly number[], intervalMs: number, burst: number): number {
  let usedUntil = 0;
  let over = 0;
  for (const at of times) {
    usedUntil = Math.max(usedUntil, at) + intervalMs;
    over = Math.max(over, usedUntil - at - burst * intervalMs);
  }
  return over;
}

for (const slowLog of [0.02, 0.3, 1]) {
  test(`messages keep to their rate on the wire, ${slowLog * 100} % of commits slow`, async () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const { mails, world } = await play({ max_message_rate: RATE }, seed, slowLog);
      assert.equal(world.hostOf('a.test').exchanger.copies.length, MESSAGES);
      const over = overBy(mails, INTERVAL_MS, BURST);
      assert.ok(over <= 1e-3, `seed ${seed}: over by ${over} ms`);
    }
  });

  test(`dials keep to their rate on the wire, ${slowLog * 100} % of commits slow`, async () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const path = { max_connection_rate: RATE, max_deliveries_per_connection: 1 };
      const { dials, world } = await play(path, seed, slowLog);
      assert.equal(world.hostOf('a.test').exchanger.copies.length, MESSAGES);
      const over = overBy(dials, INTERVAL_MS, BURST);
      assert.ok(over <= SLACK_MS, `seed ${seed}: over by ${over} ms`);
    }
  });
}
