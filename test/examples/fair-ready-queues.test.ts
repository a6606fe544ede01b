/**
 * Story: many queues meet at one site and source, and one of them has very much mail. Nobody waits
 * for all of it: a full ready queue is shared by all who wait for its room, in turns. Each story is
 * one engine in a calm world. Deliberately unknown here: rates, faults, several sources.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noQueueIsStarved } from '../../src/testing/laws/fairness.ts';
import { CALM } from '../../src/testing/world/chance.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';
import { observe } from '../swarm/observed.ts';

const READY = 8;

async function startWorld(domains: readonly string[]): Promise<World> {
  const world = await World.start({
    seed: 5,
    plan: makePlan({
      queue: { egress_pool: 'one', max_age: '7 days' },
      path: { max_ready: READY },
    }),
    manners: { 'mx.test': accepting },
  });
  world.plan.paths['ip-1'] = { connection_limit: 2 };
  for (const domain of domains) {
    world.zone.mx.set(domain, [{ preference: 10, exchange: 'mx.mx.test' }]);
  }
  await world.runFor(500);
  return world;
}

const assertFair = (world: World): void => {
  assert.equal(noQueueIsStarved.find(observe(world, [], CALM))?.says, undefined);
};

/** The queues of the offers, in order. */
function offeredQueues(world: World): string[] {
  const queues = new Map<string, string>();
  return world.witness.records.flatMap(({ type, stream, body }) => {
    const { queue } = JSON.parse(body) as { queue?: string };
    if (type === 'message.accepted') queues.set(stream, queue ?? '');
    return type === 'message.offered' ? [queues.get(stream) ?? ''] : [];
  });
}

async function submitMany(world: World, domain: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    world.submit([`u${at}@${domain}`]);
    if (at % 10 === 9) await world.runFor(1);
  }
}

/** How many of `big` are offered after the first and before the last of `small`. */
function passedBy(order: readonly string[], big: string, small: string): number {
  const upto = order.lastIndexOf(small);
  return order.slice(order.indexOf(small), upto).filter((one) => one === big).length;
}

test('a queue with much mail holds up nobody else at its site', async () => {
  const world = await startWorld(['big.test', 'mid.test', 'few.test']);
  await submitMany(world, 'big.test', 400);
  await world.runFor(200);
  const before = offeredQueues(world).length;
  await submitMany(world, 'mid.test', 40);
  await submitMany(world, 'few.test', 3);
  await world.runFor(600_000);
  const order = offeredQueues(world);
  assert.equal(order.length, 443);
  const first = (domain: string): number => order.indexOf(domain) - before;
  // What was ready, and what became so while it was submitted, is before them.
  assert.ok(first('mid.test') <= 4 * READY, `the first of mid.test is number ${first('mid.test')}`);
  assert.ok(first('few.test') <= 4 * READY, `the first of few.test is number ${first('few.test')}`);
  // Message for message, but for the places of one round.
  const passed = passedBy(order, 'big.test', 'mid.test');
  assert.ok(passed <= 40 + READY, `${passed} of big.test passed 40 of mid.test`);
  assert.ok(passedBy(order, 'big.test', 'few.test') <= 3 + READY);
  assertFair(world);
});

test('many who keep coming hold up nobody who came before them', async () => {
  const domains = Array.from({ length: 5 }, (_, at) => `d${at}.test`);
  const world = await startWorld(domains);
  for (let round = 0; round < 16; round += 1) {
    for (const domain of domains) for (let at = 0; at < 3; at += 1) world.submit([`u@${domain}`]);
    await world.runFor(300);
  }
  await world.runFor(600_000);
  assert.equal(offeredQueues(world).length, 16 * 3 * domains.length);
  assertFair(world);
});

test('of more queues than there is room for each has its turn', async () => {
  const domains = Array.from({ length: 30 }, (_, at) => `d${at}.test`);
  const world = await startWorld(domains);
  for (const domain of domains) await submitMany(world, domain, 10);
  await world.runFor(600_000);
  const order = offeredQueues(world);
  assert.equal(order.length, 300);
  // From the second round on each comes once before any comes twice.
  const counts = new Map<string, number>();
  for (const queue of order) {
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
    const spread = Math.max(...counts.values()) - Math.min(...counts.values());
    if (counts.size === domains.length) {
      assert.ok(spread <= READY + 1, `one has been offered ${spread} times more than another`);
    }
  }
});

test('what one has no use for is for the others, and all room is used', async () => {
  const world = await startWorld(['big.test', 'mid.test']);
  await submitMany(world, 'big.test', 100);
  await submitMany(world, 'mid.test', 2);
  await world.runFor(300);
  const [ready] = world.engine.core.readyQueues.values();
  assert.ok(ready !== undefined);
  const most = ready.size;
  assert.ok(most * 2 >= READY, `only ${most} are ready`);
  await world.runFor(600_000);
  assert.equal(offeredQueues(world).length, 102);
  assert.deepEqual([ready.size, ready.called, ready.waiting.size], [0, 0, 0]);
});
