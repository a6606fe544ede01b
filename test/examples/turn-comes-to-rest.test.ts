/**
 * A turn in which two parts keep undoing each other's work: it ends all the same, the log names who
 * it was, and the next goes on a second later at the latest. The idea: a set of touched ready
 * queues that is never empty; and two who kept it so once: heads of two lines, and slow rates that
 * share a token. Deliberately unknown here: random policies (shaping-comes-to-rest).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import { World } from '../../src/testing/world/world.ts';

const READY = /a turn did not come to rest, the next goes on: .*ip-\d->mx\.a\.test@smtp_client/;

test('a turn that two parts keep busy ends, says so, and the next goes on', async () => {
  const world = await World.start({ seed: 3, manners: { 'a.test': accepting } });
  await world.runFor(100);
  const { core } = world.engine;
  const { touchedReady } = core;
  const remove = touchedReady.delete.bind(touchedReady);
  let looks = 0;
  let most = 0;
  let turn = 0;
  let isBusy = true;
  touchedReady.delete = (ready) => {
    const { turns } = core.turns.counts;
    looks = turns === turn ? looks + 1 : 1;
    turn = turns;
    most = Math.max(most, looks);
    const was = remove(ready);
    if (isBusy) touchedReady.add(ready);
    return was;
  };
  world.submit(['u@a.test']);
  for (let steps = 0; steps < 1_000 && world.said.length === 0; steps += 1) world.step();
  assert.match(world.said.join('\n'), READY);
  const dueAt = core.alarms.dueAt('unrest') ?? Number.POSITIVE_INFINITY;
  assert.ok(dueAt - world.now <= 1_000, `the next goes on in ${dueAt - world.now} ms`);
  assert.ok(most > 1_000 && most < 20_000, `${most} looks`);
  isBusy = false;
  await world.runFor(5_000);
  const told = world.said.length;
  assert.equal(world.hostOf('a.test').exchanger.copies.length, 1);
  await world.runFor(60_000);
  assert.equal(world.said.length, told, 'all is at rest');
});

const DOMAINS = ['a.test', 'b.test', 'c.test', 'd.test'] as const;
/** How a host may answer a dial. */
const WAYS = ['refused', 'open', 'never'] as const;

/** Mail for many; `paths` are those of the sources. */
async function startBusy(
  quotas: QuotasKind,
  paths: Record<string, object>,
  seed = 3,
): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'main', max_age: '7 days' } });
  plan.pools['main'] = Object.keys(paths).map((name) => ({ name, weight: 1 }));
  plan.paths = { '': plan.paths[''] ?? {}, ...(paths as typeof plan.paths) };
  const manners = Object.fromEntries(DOMAINS.map((domain) => [domain, accepting]));
  const world = await World.start({ seed, plan, manners, quotas });
  await world.runFor(100);
  return world;
}

const unrest = (world: World): readonly string[] =>
  world.said.filter((text) => text.includes('come to rest'));

for (const quotas of ['here', 'late'] as const) {
  test(`who waits in two lines does not change over without end; ${quotas}`, async () => {
    const world = await startBusy(quotas, {
      'ip-1': { additional_connection_limits: { one: 1, other: 1 } },
      'ip-2': { additional_connection_limits: { other: 1, one: 1 } },
      'ip-3': { additional_connection_limits: { one: 1 } },
    });
    for (let count = 0; count < 10; count += 1) {
      for (const domain of DOMAINS) world.submit([`u${count}@${domain}`]);
    }
    await world.runFor(300_000);
    assert.deepEqual(unrest(world), []);
    assert.equal(world.engine.core.books.rows.count, 0);
  });
}

test('a token is not handed round by those who cannot connect just now', async () => {
  for (const seed of [70, 91, 118]) {
    const shared = { additional_message_rate_throttles: { all: '2/2m,max_burst=2' } };
    const paths = { 'ip-1': shared, 'ip-2': shared, 'ip-3': shared };
    const world = await startBusy('here', paths, seed);
    for (let count = 0; count < 30; count += 1) world.submit([`u${count}@a.test`]);
    await world.runFor(30_000);
    for (let change = 0; change < 10; change += 1) {
      const { chance } = world;
      world.hostOf('a.test').answers = WAYS[Math.floor(chance.between(0, 2.99))] ?? 'open';
      await world.runFor(chance.between(1_000, 90_000));
    }
    assert.deepEqual(unrest(world), [], `seed ${seed}`);
  }
});
