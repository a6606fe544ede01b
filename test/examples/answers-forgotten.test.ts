/**
 * The story of many domains that each had an answer of their own: once their queues are gone, so
 * are the answers, and who comes back is answered anew. Knows no snapshot's form.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';
import { canonOf, foldRecords } from '../world/canon.ts';

const DOMAINS = 40;
const names = Array.from({ length: DOMAINS }, (_, at) => `d${at}.test`);

test('answers go with the queues that rested on them', async () => {
  const protocol = { smtp: { mx_list: ['mx.b.test'] } };
  const plan = makePlan({ queue: { reap_interval: '1s', protocol } });
  for (const [at, name] of names.entries()) {
    plan.queues[name] = { ...plan.queues[''], max_retry_interval: `${at + 1}h` };
  }
  const limits = { reapMs: 1_000, snapshotMsMax: 10_000 };
  const manners = { 'b.test': () => undefined };
  const world = await World.start({ seed: 1, plan, limits, manners });
  await world.runFor(100);
  for (const name of names) world.submit([`u@${name}`]);
  await world.runFor(5_000);
  const { books } = world.engine.core;
  assert.ok(books.answers.size >= DOMAINS);
  await world.runFor(60_000);
  assert.equal(books.queues.filter((queue) => queue !== undefined).length, 0);
  assert.ok(books.answers.size < 5, `${books.answers.size} are left`);
  world.submit([`again@${names[0]}`]);
  await world.runFor(300);
  const key = books.findQueue(names[0] as string)?.answer ?? '';
  assert.match(books.answers.get(key) ?? '', /"max_retry_interval":3600000/);
  await world.runFor(1_000);
  assert.deepEqual(canonOf(foldRecords(world.witness.records).books), canonOf(books));
});
