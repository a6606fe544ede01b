/**
 * A rate of new links and a plan whose first hosts are dead: it goes on where the rate broke it
 * off, however long that takes, and a wait is no attempt. Each story runs with the default
 * `idle_timeout`. Deliberately unknown here: rates where all hosts are well (shaping-rates).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting, closingAfter } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

const RATE = '30/h,max_burst=1';
const RATE_MS = 120_000;
const RETRY = { retry_interval: '1h', max_retry_interval: '1h' };

/** A world in which `a.test` has three hosts, the first two of them dead. */
async function startWorld(path: Record<string, unknown> = {}): Promise<World> {
  const plan = makePlan({
    queue: { egress_pool: 'one', max_age: '7 days', ...RETRY },
    path: { max_connection_rate: RATE, ...path },
  });
  plan.paths['ip-1'] = {};
  delete plan.paths['']?.['idle_timeout'];
  const manners = { 'a.test': accepting, 'b.test': accepting };
  const world = await World.start({ seed: 3, plan, manners });
  for (const domain of ['a2.test', 'a3.test']) world.addDomain(domain, accepting);
  for (const domain of ['a.test', 'a2.test']) world.hostOf(domain).answers = 'refused';
  world.zone.mx.set('a.test', [
    { preference: 10, exchange: 'mx.a.test' },
    { preference: 20, exchange: 'mx.a2.test' },
    { preference: 30, exchange: 'mx.a3.test' },
  ]);
  await world.runFor(100);
  return world;
}

const deferrals = (world: World) =>
  world.witness.records.filter(({ type }) => type === 'message.deferred');

const copiesOf = (world: World, domain: string): number =>
  world.hostOf(domain).exchanger.copies.length;

const addressOf = (world: World, domain: string): string =>
  world.zone.addresses.get(`mx.${domain}`)?.[0] ?? '';

test('the last host is reached, one dial for each token, and no attempt counts', async () => {
  const world = await startWorld();
  world.submit(['u@a.test']);
  await world.runFor(3 * RATE_MS);
  const hosts = ['a.test', 'a2.test', 'a3.test'].map((domain) => addressOf(world, domain));
  assert.deepEqual(
    world.net.dialled.map(({ to }) => to),
    hosts,
  );
  const times = world.net.dialled.map(({ at }) => at);
  const gaps = times.slice(1).map((at, index) => at - (times[index] as number));
  assert.ok(
    gaps.every((gap) => gap >= RATE_MS && gap < RATE_MS + 2_000),
    gaps.join(),
  );
  assert.equal(copiesOf(world, 'a3.test'), 1);
  assert.equal(deferrals(world).length, 0);
});

test('where all are dead that is one attempt, at the end, and tells of each', async () => {
  const world = await startWorld();
  world.hostOf('a3.test').answers = 'refused';
  world.submit(['u@a.test']);
  await world.runFor(1.5 * RATE_MS);
  assert.deepEqual([world.net.dials, deferrals(world).length], [2, 0]);
  await world.runFor(RATE_MS);
  assert.deepEqual([world.net.dials, deferrals(world).length], [3, 1]);
  const text = JSON.stringify(deferrals(world)[0]?.body);
  for (const name of ['mx.a.test', 'mx.a2.test', 'mx.a3.test']) {
    assert.equal(text.split(`${name}/`).length, 2, text);
  }
  await world.runFor(2 * 3_600_000);
  assert.equal(world.net.dialled[3]?.to, addressOf(world, 'a.test'), 'the next begins anew');
});

test('a host that breaks off each conversation is no end of the plan either', async () => {
  const world = await startWorld();
  world.hostOf('a.test').answers = 'open';
  world.hostOf('a.test').exchanger.manner = closingAfter(0);
  for (let at = 0; at < 3; at += 1) world.submit([`u${at}@a.test`]);
  await world.runFor(4 * RATE_MS);
  assert.equal(deferrals(world).length, 1, 'one was tried there');
  assert.equal(copiesOf(world, 'a3.test'), 2);
});

test('a plan that waits keeps no place that others need', async () => {
  const world = await startWorld({ additional_connection_limits: { narrow: 1 } });
  world.submit(['u@a.test']);
  await world.runFor(5_000);
  assert.deepEqual([world.net.dials, world.engine.core.sessions.size], [1, 0]);
  world.submit(['u@b.test']);
  await world.runFor(5_000);
  assert.equal(copiesOf(world, 'b.test'), 1);
  await world.runFor(4 * RATE_MS);
  assert.equal(copiesOf(world, 'a3.test'), 1);
  assert.equal(deferrals(world).length, 0);
});

test('a path that has changed begins its plan anew', async () => {
  const world = await startWorld();
  world.submit(['u@a.test']);
  await world.runFor(5_000);
  world.hostOf('a.test').answers = 'open';
  world.plan.paths[''] = { ...world.plan.paths[''], ehlo_domain: 'other.test' };
  world.usePolicy();
  await world.runFor(2 * RATE_MS);
  assert.equal(copiesOf(world, 'a.test'), 1);
  assert.equal(world.net.dials, 2);
});
