/**
 * Rates and limits that change while mail waits for them or is on its way: what is lowered holds
 * from there on, also for connections that are only planned, and what is lifted frees at once,
 * also who waits for a suspended source beside it. Deliberately unknown here: random policies
 * (shaping-holds, shaping-goes-on).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadyQueue } from '../../src/actors/core.ts';
import { accepting, answeringDotAfter } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import { World } from '../../src/testing/world/world.ts';

type Options = Record<string, unknown>;

const KINDS: readonly QuotasKind[] = ['here', 'late'];
const HOUR_MS = 3_600_000;

interface Told {
  readonly path?: Options;
  readonly paths?: Readonly<Record<string, Options>>;
  readonly quotas: QuotasKind;
}

async function startWorld({ path = {}, paths = {}, quotas }: Told): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'main', max_age: '7 days' }, path });
  plan.pools['main'] = Object.keys(paths).map((name) => ({ name, weight: 1 }));
  plan.paths = { '': plan.paths[''] ?? {}, ...paths };
  const world = await World.start({ seed: 3, plan, manners: { 'a.test': accepting }, quotas });
  await world.runFor(100);
  return world;
}

const submitMany = (world: World, count: number): void => {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@a.test`]);
};

const arrivals = (world: World): readonly number[] =>
  world.hostOf('a.test').exchanger.copies.map(({ at }) => at);

const readyOf = (world: World): ReadyQueue | undefined =>
  world.engine.core.readyQueues.get('ip-1->mx.a.test@smtp_client');

/** A path changes alone: what else is asked anew is as before, and ends no connection. */
const usePath = (world: World, name: string, path: Options): void => {
  world.plan.paths[name] = path;
  world.bumpEpoch();
};

test('a lowered connection_limit holds for connections that are being planned', async () => {
  const paths = { 'ip-1': { connection_limit: 20 } };
  const world = await startWorld({ path: { max_ready: 100 }, paths, quotas: 'here' });
  submitMany(world, 1);
  await world.runFor(3_000);
  submitMany(world, 100);
  while ((readyOf(world)?.planning ?? 0) < 5) world.step();
  const before = world.net.links.size;
  usePath(world, 'ip-1', { connection_limit: 2 });
  let most = 0;
  await world.runFor(3_000, () => {
    most = Math.max(most, world.net.links.size);
  });
  assert.ok(most <= Math.max(before, 2), `${before} links were open, then ${most}`);
  await world.runFor(60_000);
  assert.equal(arrivals(world).length, 101);
});

for (const quotas of KINDS) {
  test(`a lowered limit that others share holds under load; counted ${quotas}`, async () => {
    const path = { max_ready: 100, max_deliveries_per_connection: 1_000 };
    const limited = (crowd: number) => ({
      connection_limit: 20,
      additional_connection_limits: { crowd },
    });
    const world = await startWorld({ path, paths: { 'ip-1': limited(8) }, quotas });
    world.hostOf('a.test').exchanger.manner = answeringDotAfter(900);
    const feed = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        submitMany(world, 10);
        await world.runFor(100);
      }
    };
    await feed(50);
    assert.equal(world.net.links.size, 8);
    usePath(world, 'ip-1', limited(2));
    await feed(50);
    assert.equal(world.net.links.size, 2);
  });
}

const choiceRate = { 'ip-1': {}, 'ip-2': { source_selection_rate: '1/d,max_burst=1' } };

/** One source is suspended for an hour, the other has used up how often it may be chosen. */
async function waitForBoth(quotas: QuotasKind): Promise<World> {
  const world = await startWorld({ paths: choiceRate, quotas });
  submitMany(world, 1);
  await world.runFor(2_000);
  const until = world.now + HOUR_MS;
  world.command({ kind: 'source.suspend', source: 'ip-1', until, why: 'test' });
  await world.runFor(500);
  submitMany(world, 5);
  await world.runFor(20_000);
  return world;
}

for (const quotas of KINDS) {
  test(`a lifted rate of a source frees who waits beside a suspended one; ${quotas}`, async () => {
    const world = await waitForBoth(quotas);
    assert.ok(arrivals(world).length < 6);
    usePath(world, 'ip-2', {});
    await world.runFor(20_000);
    assert.equal(arrivals(world).length, 6);
  });

  test(`who waits for a rate is woken by the end of a suspension; ${quotas}`, async () => {
    const world = await waitForBoth(quotas);
    const before = arrivals(world).length;
    const { until = 0 } = world.engine.core.books.sources.get('ip-1') ?? {};
    await world.run(until - 1);
    assert.equal(arrivals(world).length, before, 'not earlier');
    await world.run(until + 2_000);
    assert.equal(arrivals(world).length, 6, 'nor later');
  });
}
