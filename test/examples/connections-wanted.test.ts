/**
 * How many connections mail opens: one message to an idle site exactly one, a deep ready queue as
 * many as its limit lets it. Seen from the exchanger, which counts who came.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manner } from '../../src/testing/world/exchanger.ts';
import { answeringDotAfter, closingAfter, tarpitting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';
import { checkOffered } from '../world/judge.ts';

const LIMIT = 32;

/** Says farewell later than anybody waits for it. */
const partingLate: Manner = ({ stage }) =>
  stage === 'quit' ? { say: '221 2.0.0 bye', afterMs: 10_000 } : undefined;

/** A world with one source and one domain. */
async function meet(seed: number, manner: Manner, path: object = {}): Promise<World> {
  const plan = makePlan({
    path: { connection_limit: LIMIT, max_ready: 600, ...path },
    queue: { egress_pool: 'one' },
  });
  plan.paths['ip-1'] = {};
  const world = await World.start({ seed, plan, manners: { 'a.test': manner } });
  await world.runFor(100);
  return world;
}

const comersOf = (world: World): number => world.hostOf('a.test').exchanger.connections;

const deliveredOf = (world: World): number =>
  world.witness.records.filter(({ type }) => type === 'message.delivered').length;

test('one message to an idle site opens one connection', async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const world = await meet(seed, tarpitting(200));
    world.submit(['u@a.test']);
    await world.runFor(30_000, () => checkOffered(world));
    assert.equal(deliveredOf(world), 1);
    assert.equal(comersOf(world), 1, `seed ${seed}`);
  }
});

test('a message of more recipients than a transaction takes opens one connection', async () => {
  const world = await meet(1, tarpitting(200), { max_recipients_per_batch: 2 });
  const to = Array.from({ length: 9 }, (_, at) => `u${at}@a.test`);
  world.submit(to);
  await world.runFor(30_000, () => checkOffered(world));
  assert.equal(world.copiesOf('m0').flatMap((copy) => copy.to).length, to.length);
  assert.equal(comersOf(world), 1);
});

test('one message after the other uses the same connection', async () => {
  const world = await meet(2, tarpitting(100));
  for (let count = 0; count < 4; count += 1) {
    world.submit([`u${count}@a.test`]);
    await world.runFor(2_000, () => checkOffered(world));
  }
  assert.equal(deliveredOf(world), 4);
  assert.equal(comersOf(world), 1);
});

test('a deep ready queue opens up to its limit while none has greeted', async () => {
  const slow: Manner = ({ stage }) =>
    stage === 'greeting' ? { say: '220 slow.test ready', afterMs: 5_000 } : undefined;
  const world = await meet(3, slow);
  for (let count = 0; count < 400; count += 1) world.submit([`u${count}@a.test`]);
  let most = 0;
  await world.runFor(4_000, () => {
    checkOffered(world);
    most = Math.max(most, world.engine.core.sessions.size);
  });
  assert.equal(most, LIMIT);
  await world.runFor(60_000, () => checkOffered(world));
  assert.equal(deliveredOf(world), 400);
});

test('a message does not wait for one that takes long', async () => {
  const world = await meet(4, answeringDotAfter(15_000));
  world.submit(['u0@a.test']);
  await world.runFor(2_000, () => checkOffered(world));
  world.submit(['u1@a.test']);
  await world.runFor(5_000, () => checkOffered(world));
  assert.equal(world.copiesOf('m1').length, 1);
  assert.equal(comersOf(world), 2);
});

test('mail does not wait for the farewell of a connection that has had its share', async () => {
  const world = await meet(5, partingLate, { max_deliveries_per_connection: 1 });
  for (let count = 0; count < 4; count += 1) {
    world.submit([`u${count}@a.test`]);
    await world.runFor(1_000, () => checkOffered(world));
    assert.equal(deliveredOf(world), count + 1);
  }
});

test('a connection that parts counts against the limit until it is gone', async () => {
  const path = { max_deliveries_per_connection: 1, connection_limit: 2 };
  const world = await meet(6, partingLate, path);
  for (let count = 0; count < 10; count += 1) world.submit([`u${count}@a.test`]);
  await world.runFor(60_000, () => {
    checkOffered(world);
    const { sessions, planning } = world.engine.core;
    assert.ok(sessions.size + planning <= 2);
  });
  assert.equal(deliveredOf(world), 10);
});

test('a connection that is gone is replaced while there is mail for it', async () => {
  const world = await meet(7, closingAfter(2));
  for (let count = 0; count < 60; count += 1) world.submit([`u${count}@a.test`]);
  await world.runFor(600_000, () => checkOffered(world));
  assert.equal(deliveredOf(world), 60);
});
