/**
 * Mail for which a broken policy gave no source, once the policy is mended: it goes at once, not
 * when its retry is due, and keeps its place in the log. What a peer deferred keeps its schedule.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting, judging } from '../../src/testing/world/manners.ts';
import type { Failing } from '../../src/testing/world/policy.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const PATIENT = { queue: { retry_interval: '20m', max_retry_interval: '20m' } };

async function meetBroken(failing: Failing, limits = {}): Promise<World> {
  const plan = makePlan(PATIENT);
  plan.failing = failing;
  const world = await World.start({ seed: 1, plan, limits, manners: { 'a.test': accepting } });
  await world.runFor(100);
  return world;
}

const countOf = (world: World, type: string): number =>
  world.witness.records.filter((one) => one.type === type).length;

for (const failing of ['queue', 'path', 'pool', 'source'] as const) {
  test(`mail that a broken ${failing} handler kept goes when a new policy comes`, async () => {
    const world = await meetBroken(failing);
    world.submit(['u@a.test']);
    await world.runFor(60_000);
    assert.equal(countOf(world, 'message.deferred'), 1);
    world.plan.failing = undefined;
    world.usePolicy();
    await world.runFor(5_000);
    assert.equal(countOf(world, 'message.delivered'), 1);
    assert.equal(countOf(world, 'message.deferred'), 1, 'no attempt more than it took');
  });
}

test('an epoch is enough, and so is a start', async () => {
  for (const renew of ['bump', 'start'] as const) {
    const world = await meetBroken('path');
    world.submit(['u@a.test']);
    await world.runFor(60_000);
    world.plan.failing = undefined;
    if (renew === 'bump') world.bumpEpoch();
    else await world.crash();
    await world.runFor(5_000);
    assert.equal(countOf(world, 'message.delivered'), 1, renew);
  }
});

test('what is still broken waits for its retry, or the next policy', async () => {
  const world = await meetBroken('path');
  world.submit(['u@a.test']);
  await world.runFor(60_000);
  world.usePolicy();
  await world.runFor(60_000);
  assert.equal(countOf(world, 'message.deferred'), 2);
  world.plan.failing = undefined;
  world.usePolicy();
  await world.runFor(5_000);
  assert.equal(countOf(world, 'message.delivered'), 1);
});

test('what a peer deferred keeps its schedule', async () => {
  const world = await World.start({
    seed: 2,
    plan: makePlan(PATIENT),
    manners: { 'a.test': judging },
  });
  await world.runFor(100);
  world.submit(['later@a.test']);
  await world.runFor(60_000);
  world.usePolicy();
  await world.runFor(60_000);
  assert.equal(countOf(world, 'message.offered'), 1);
});

test('some a turn', async () => {
  const world = await meetBroken('path', { sweepLooksMax: 128 });
  for (let count = 0; count < 100; count += 1) world.submit([`u${count}@a.test`]);
  await world.runFor(60_000);
  assert.equal(countOf(world, 'message.deferred'), 100);
  world.plan.failing = undefined;
  world.usePolicy();
  await world.runFor(60_000);
  assert.equal(countOf(world, 'message.delivered'), 100);
  const perTurn = new Map<number, number>();
  for (const { type, turn } of world.witness.records) {
    if (type === 'message.rebound') perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
  }
  assert.equal(
    [...perTurn.values()].reduce((sum, one) => sum + one, 0),
    100,
  );
  assert.ok(Math.max(...perTurn.values()) <= 3);
});
