/**
 * Tokens of what does not happen: messages that were made ready and go another way than to a
 * connection give back what they paid for the rate of their queue, for the choice of a source and
 * to the policy's handler, so that others go in their place at once. Each story is one way out.
 * Deliberately unknown here: how buckets count; that rates hold is a law.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyPart } from '../../src/policy/hooks.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import { World } from '../../src/testing/world/world.ts';

type Options = Record<string, unknown>;

/** Four at once, then one in a quarter of an hour. */
const FOUR = '4/h,max_burst=4';

interface Told {
  readonly path?: Options;
  readonly queue?: Options;
  readonly pool?: readonly string[];
  readonly handlers?: PolicyPart;
  readonly quotas?: QuotasKind;
}

async function startWorld({ path = {}, queue, pool = ['ip-1'], ...more }: Told): Promise<World> {
  const plan = makePlan({ queue: { egress_pool: 'main', max_age: '7 days', ...queue }, path });
  plan.pools['main'] = pool.map((name) => ({ name, weight: 1 }));
  plan.paths['ip-1'] = { connection_limit: 1 };
  plan.sources['ip-1'] = {
    source_address: '192.0.2.1',
    suspend_when_unplumbed: { duration: '5m' },
  };
  const world = await World.start({ seed: 3, plan, manners: { 'a.test': accepting }, ...more });
  await world.runFor(100);
  return world;
}

const submitMany = (world: World, count: number): void => {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@a.test`]);
};

const countAt = (world: World): number => world.hostOf('a.test').exchanger.copies.length;

const count = (world: World, type: string): number =>
  world.witness.records.filter((record) => record.type === type).length;

/** A purge of all there is, over before anything new comes. */
async function purge(world: World): Promise<void> {
  const criteria = { domain: 'a.test' };
  const id = world.engine.allocateRuleId();
  const order = { id, criteria, span: { ms: 100 }, why: 'test', isQuiet: false };
  world.command({ kind: 'purge.order', ...order });
  await world.runFor(1_000);
}

/** Where a message pays before it is made ready. */
const RATES: Readonly<Record<string, Told>> = {
  'the rate of the queue': { queue: { max_message_rate: FOUR } },
  'the rate of the choice': { path: { source_selection_rate: FOUR } },
  'a rate of all choices': { path: { additional_source_selection_rates: { all: FOUR } } },
  'a rate of the handler': {
    handlers: { throttle_insert_ready_queue: () => [{ name: 'all', rate: FOUR }] },
  },
};

/** The host is silent, four messages have paid and wait for it. */
async function holdFour(told: Told): Promise<World> {
  const path = { connect_timeout: '1d', ...told.path };
  const world = await startWorld({ ...told, path });
  world.hostOf('a.test').answers = 'never';
  submitMany(world, 4);
  await world.runFor(2_000);
  const sizes = [...world.engine.core.readyQueues.values()].map(({ size }) => size);
  assert.deepEqual(sizes, [4]);
  return world;
}

/** The path changes, and with it the connection; the host answers. */
async function wakeHost(world: World): Promise<void> {
  world.hostOf('a.test').answers = 'open';
  world.plan.paths['ip-1'] = { connection_limit: 1, connect_timeout: '20s' };
  world.usePolicy();
  await world.runFor(1_000);
}

for (const [what, told] of Object.entries(RATES)) {
  for (const quotas of ['here', 'late'] as const) {
    test(`${what} counts nothing of what was purged; counted ${quotas}`, async () => {
      const world = await holdFour({ ...told, quotas });
      await purge(world);
      assert.equal(count(world, 'message.purged'), 4);
      await wakeHost(world);
      submitMany(world, 4);
      await world.runFor(60_000);
      assert.equal(countAt(world) + count(world, 'message.deferred'), 4);
      assert.equal(world.engine.core.fares.size, 0);
    });
  }

  test(`${what} counts nothing of what grew too old`, async () => {
    const queue = { ...told.queue, max_age: '2m' };
    const world = await holdFour({ ...told, queue });
    await world.runFor(130_000);
    assert.equal(count(world, 'message.expired'), 4);
    await wakeHost(world);
    submitMany(world, 4);
    await world.runFor(60_000);
    assert.equal(countAt(world) + count(world, 'message.deferred'), 4);
  });
}

test('rows of a suspended source go elsewhere at once, though their queue has a rate', async () => {
  for (const told of [RATES['the rate of the queue'], RATES['a rate of the handler']]) {
    const world = await startWorld({ ...told, pool: ['ip-2', 'ip-1'] });
    world.net.broken.unplumb('192.0.2.1');
    submitMany(world, 4);
    await world.runFor(10_000);
    assert.equal(count(world, 'source.suspended'), 1);
    assert.equal(countAt(world), 4);
    assert.equal(count(world, 'message.deferred'), 0);
  }
});

test('what has no room any more pays anew when it goes, and not twice', async () => {
  const world = await holdFour({ queue: { max_message_rate: FOUR } });
  world.plan.paths['ip-1'] = { connection_limit: 1, max_ready: 1, connect_timeout: '1d' };
  world.usePolicy();
  await world.runFor(2_000);
  assert.equal(world.engine.core.fares.size, 1);
  world.hostOf('a.test').answers = 'open';
  world.plan.paths['ip-1'] = { connection_limit: 1, max_ready: 2 };
  world.usePolicy();
  await world.runFor(60_000);
  assert.equal(countAt(world) + count(world, 'message.deferred'), 4);
});

test('a long wait of the path costs nothing of the rate of the queue', async () => {
  const path = { max_message_rate: '60/h,max_burst=1' };
  const world = await startWorld({ path, queue: { max_message_rate: '60/h,max_burst=10' } });
  submitMany(world, 10);
  await world.runFor(10 * 60_000);
  assert.equal(countAt(world), 10);
});

test('what was tried is paid: a rate of choices is not exceeded by failures', async () => {
  const world = await startWorld({ path: { source_selection_rate: FOUR } });
  world.hostOf('a.test').answers = 'refused';
  submitMany(world, 12);
  await world.runFor(14 * 60_000);
  const deferred = count(world, 'message.deferred');
  assert.equal(deferred, 4, 'four choices, four attempts');
});

test('a slot that is used again does not inherit what the last row passed', async () => {
  let asked = 0;
  const handlers: PolicyPart = {
    throttle_insert_ready_queue: () => {
      asked += 1;
      return [{ name: 'all', rate: '1000/h' }];
    },
  };
  const world = await startWorld({ handlers, path: { max_ready: 1, connect_timeout: '1d' } });
  world.hostOf('a.test').answers = 'never';
  submitMany(world, 2);
  await world.runFor(2_000);
  assert.equal(asked, 2);
  const { core } = world.engine;
  const [, second] = [...world.mails.values()];
  world.command({ kind: 'message.cancel', id: second?.messages[0]?.id ?? '', why: 'test' });
  await world.runFor(1_000);
  assert.equal(core.fares.size, 1, 'what waited had paid, and has it back');
  submitMany(world, 1);
  await world.runFor(1_000);
  assert.equal(asked, 3);
});
