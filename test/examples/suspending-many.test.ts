/**
 * Suspending many queues at once: the work grows with the queues, not with queues times ready
 * queues. Deliberately unknown here: what a suspension does to mail; that is a law.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const QUEUES = 150;

test('a suspended queue looks at its own rows, not at every ready queue', async () => {
  const plan = makePlan({ queue: { egress_pool: 'one' } });
  const world = await World.start({ seed: 3, plan, manners: {} });
  await world.runFor(100);
  const domains = Array.from({ length: QUEUES }, (_, at) => `d${at}.test`);
  for (const domain of domains) world.addDomain(domain, accepting);
  const submitAll = (): void => {
    for (const domain of domains) world.submit([`u@${domain}`]);
  };
  submitAll();
  await world.runFor(20_000);
  const { core } = world.engine;
  const { readyQueues } = core;
  assert.equal(readyQueues.size, QUEUES);
  const id = world.engine.allocateRuleId();
  const about = { criteria: {} };
  world.command({ kind: 'suspension.place', id, about, span: { ms: 3_600_000 }, why: 'test' });
  await world.runFor(1_000);
  let looks = 0;
  const values = readyQueues.values.bind(readyQueues);
  readyQueues.values = () => {
    looks += readyQueues.size;
    return values();
  };
  submitAll();
  await world.runFor(2_000);
  const suspended = core.books.queues.filter((row) => row?.state === 'suspended');
  assert.equal(suspended.length, QUEUES);
  assert.ok(looks <= 2 * QUEUES, `${looks} looks at ready queues`);
});
