/**
 * Rates as an operator meets them where counts come late, as from a server, and where several of
 * them hold at once: all goes, in time, and who waits asks nobody. Each story is one engine in a
 * calm world. Deliberately unknown here: faults and random policies; those are laws.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { returnToken } from '../../src/actors/rationing.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import { World } from '../../src/testing/world/world.ts';

type Options = Record<string, unknown>;

interface Told {
  readonly path?: Options;
  readonly queue?: Options;
  readonly pool?: string;
  readonly quotas?: QuotasKind;
}

async function startWorld({ path, queue, pool = 'one', quotas = 'late' }: Told): Promise<World> {
  const world = await World.start({
    seed: 3,
    quotas,
    plan: makePlan({
      queue: { egress_pool: pool, max_age: '7 days', ...queue },
      ...(path === undefined ? {} : { path }),
    }),
    manners: { 'a.test': accepting, 'b.test': accepting },
  });
  world.plan.paths['ip-1'] = {};
  await world.runFor(100);
  return world;
}

function submitMany(world: World, count: number, domain = 'a.test'): void {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@${domain}`]);
}

const countAt = (world: World, domain = 'a.test'): number =>
  world.hostOf(domain).exchanger.copies.length;

const count = (world: World, type: string): number =>
  world.witness.records.filter((record) => record.type === type).length;

const heldOf = (world: World, name: string) => {
  const held = [...world.engine.core.queues.values()].find(({ row }) => row.name === name);
  assert.ok(held !== undefined, name);
  return held;
};

/** Counts how often whoever counts outside of the process is asked for tokens. */
function countTakes(world: World): () => number {
  const { server } = world.quotas;
  const take = server.take.bind(server);
  let takes = 0;
  server.take = (...asked) => {
    takes += 1;
    take(...asked);
  };
  return () => takes;
}

/** Options that hold mail up, each alone and with all the others. */
const PARTS: readonly Told[] = [
  { queue: { max_message_rate: '120/m,max_burst=3' } },
  { path: { max_message_rate: '120/m,max_burst=3' } },
  { path: { max_connection_rate: '60/m,max_burst=2' } },
  { path: { additional_connection_limits: { narrow: 1 } } },
  { path: { source_selection_rate: '120/m,max_burst=3' } },
  { pool: 'three' },
];

function together(bits: number, quotas: QuotasKind): Told {
  let all: Told = { quotas };
  PARTS.forEach((part, index) => {
    if ((bits & (1 << index)) === 0) return;
    all = { ...all, ...part, path: { ...all.path, ...part.path } };
  });
  return all;
}

for (const quotas of ['here', 'late'] as const) {
  test(`rates and limits in any company let all go, then rest; counted ${quotas}`, async () => {
    for (let bits = 0; bits < 2 ** PARTS.length; bits += 1) {
      const told = together(bits, quotas);
      const world = await startWorld(told);
      const takes = countTakes(world);
      submitMany(world, 12);
      submitMany(world, 12, 'b.test');
      await world.runFor(60_000);
      const text = JSON.stringify(told);
      assert.deepEqual([countAt(world), countAt(world, 'b.test')], [12, 12], text);
      assert.equal(count(world, 'message.deferred'), 0, text);
      assert.deepEqual(world.said, [], text);
      const before = takes();
      assert.ok(before <= 200, `${before} takes: ${text}`);
      await world.runFor(20_000);
      assert.equal(takes(), before, `nobody waits any more: ${text}`);
    }
  });
}

test('a queue with a rate of its own passes a rate of sources that answers late, too', async () => {
  const world = await startWorld({
    path: { source_selection_rate: '60/m,max_burst=10' },
    queue: { max_message_rate: '60/m,max_burst=10' },
  });
  const takes = countTakes(world);
  submitMany(world, 20);
  await world.runFor(15_000);
  assert.equal(countAt(world), 20);
  assert.ok(takes() <= 60, `${takes()} takes`);
  assert.equal(world.engine.core.rationed.size, 0, 'what was kept is used or given back');
});

test('what was kept for an answer is given back where the mail goes meanwhile', async () => {
  const world = await startWorld({
    path: { source_selection_rate: '1/h,max_burst=1' },
    queue: { max_message_rate: '10/h,max_burst=2' },
  });
  submitMany(world, 2);
  await world.runFor(5_000);
  assert.equal(countAt(world), 1);
  const { shaping } = heldOf(world, 'a.test');
  assert.equal(shaping.chooser.binding?.name.startsWith('kumomta.source_selection_rate'), true);
  assert.deepEqual([shaping.promoting.tokens, shaping.promoting.isKept], [0, false]);
  let granted = 0;
  world.quotas.server.take(shaping.promoting.rates, 5, (taken) => {
    granted = taken.granted;
  });
  assert.equal(granted, 1, 'one of two is used');
});

for (const pool of ['one', 'three']) {
  test(`all selection rates said no: nobody asks before its time; pool ${pool}`, async () => {
    const path = { source_selection_rate: '2/h,max_burst=1' };
    const world = await startWorld({ path, pool });
    const members = pool === 'one' ? 1 : 3;
    submitMany(world, 20);
    await world.runFor(10_000);
    const takes = countTakes(world);
    await world.runFor(600_000);
    assert.deepEqual([countAt(world), takes()], [members, 0]);
    await world.runFor(25 * 60_000);
    assert.equal(countAt(world), 2 * members, 'it asks again in time');
    assert.ok(takes() <= 10 * members, `${takes()} takes`);
  });
}

test('a no counts no more when a token is given back', async () => {
  const path = { max_message_rate: '1/h,max_burst=1', idle_timeout: '3h' };
  const world = await startWorld({ path });
  submitMany(world, 2);
  await world.runFor(5_000);
  assert.equal(countAt(world), 1);
  const { core } = world.engine;
  const [ready] = core.readyQueues.values();
  const sending = ready?.shaping.sending;
  assert.ok(sending?.said !== undefined, 'it was told no and remembers');
  core.turns.push({ kind: 'run', run: () => returnToken(core, { ...sending, isHeld: false }) });
  await world.runFor(2_000);
  assert.equal(countAt(world), 2);
});

test('who waits for its own rate does not keep the first place of another line', async () => {
  const shared = { shared: '6/m,max_burst=1' };
  const world = await startWorld({ path: { additional_source_selection_rates: shared } });
  const own = { ...world.plan.queues[''], max_message_rate: '20/h,max_burst=20' };
  world.plan.queues['a.test'] = own;
  world.usePolicy();
  await world.runFor(1_000);
  submitMany(world, 3);
  await world.runFor(500);
  submitMany(world, 20, 'b.test');
  await world.runFor(3_000);
  const { shaping } = heldOf(world, 'a.test');
  assert.ok(shaping.chooser.line !== undefined, 'it stands in the line of the sources');
  // Another daemon uses its own rate up meanwhile.
  world.quotas.server.take(shaping.promoting.rates, 20, () => {});
  const before = countAt(world, 'b.test');
  await world.runFor(120_000);
  assert.equal(shaping.promoter.binding?.name, 'schedq-a.test-message-rate');
  assert.equal(shaping.chooser.line, undefined);
  assert.ok(countAt(world, 'b.test') - before >= 10, `${countAt(world, 'b.test') - before}`);
});

test('a ready queue that said no is let go like any other when nobody waits for it', async () => {
  const path = { source_selection_rate: '1/h,max_burst=1' };
  const queue = { reap_interval: '10m' };
  const world = await startWorld({ path, queue, pool: 'three', quotas: 'here' });
  submitMany(world, 4);
  await world.runFor(5_000);
  const { core } = world.engine;
  const refusing = [...core.readyQueues.values()].filter(({ shaping }) => shaping.refused.size > 0);
  assert.equal(refusing.length, 3);
  await world.runFor(3 * 3_600_000);
  assert.equal(countAt(world), 4);
  assert.deepEqual([core.readyQueues.size, core.queues.size], [0, 0]);
  for (const { shaping } of refusing) assert.equal(shaping.refused.size, 0);
});

test('who waits for a source is told of a lifted rate, however long it waited', async () => {
  const world = await startWorld({ path: { source_selection_rate: '1/d' } });
  submitMany(world, 3);
  await world.runFor(3 * 3_600_000);
  assert.equal(countAt(world), 1);
  delete (world.plan.paths[''] as Options)['source_selection_rate'];
  world.usePolicy();
  await world.runFor(20_000);
  assert.equal(countAt(world), 3);
});
