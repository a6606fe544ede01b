/**
 * Rates and limits of paths and queues as an operator meets them: when what goes, what a reload and
 * a restart change, who is told what. Each story is one option in a calm world. Deliberately
 * unknown here: random policies and faults; those are laws (shaping-holds, shaping-goes-on).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindingOfQueue, bindingOfReady } from '../../src/actors/shaping.ts';
import { accepting, closingAfter, sayingAt } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';

type Options = Record<string, unknown>;

const READY = 'ip-1->mx.a.test@smtp_client';

async function startWorld(path: Options, queue: Options = {}, pool = 'one'): Promise<World> {
  const world = await World.start({
    seed: 3,
    plan: makePlan({ queue: { egress_pool: pool, max_age: '7 days', ...queue }, path }),
    manners: { 'a.test': accepting, 'b.test': accepting },
  });
  world.plan.paths['ip-1'] = {};
  await world.runFor(100);
  return world;
}

function submitMany(world: World, count: number, domain = 'a.test'): void {
  for (let at = 0; at < count; at += 1) world.submit([`u${at}@${domain}`]);
}

const arrivals = (world: World, domain = 'a.test'): readonly number[] =>
  world.hostOf(domain).exchanger.copies.map(({ at }) => at);

/** Whole seconds from one arrival to the next. */
const gaps = (times: readonly number[]): readonly number[] =>
  times.slice(1).map((at, index) => Math.round((at - (times[index] as number)) / 1_000));

const count = (world: World, type: string): number =>
  world.witness.records.filter((record) => record.type === type).length;

const readyOf = (world: World, name = READY) => {
  const ready = world.engine.core.readyQueues.get(name);
  assert.ok(ready !== undefined, [...world.engine.core.readyQueues.keys()].join());
  return ready;
};

/** The option that binds, and its value. */
function why(world: World, kind: 'path' | 'queue', name: string): unknown[] {
  const told = world.engine.explain({ kind, name });
  assert.ok(typeof told !== 'string', String(told));
  const [reason] = told.reasons;
  return [reason?.name, reason?.rule?.value];
}

test('max_message_rate: a burst, then one by one on an open connection', async () => {
  const world = await startWorld({ max_message_rate: '20/m,max_burst=2' });
  submitMany(world, 6);
  await world.runFor(1_000);
  assert.equal(arrivals(world).length, 2);
  const binding = bindingOfReady(readyOf(world));
  assert.equal(binding?.name, `kumomta.max_message_rate.${READY}`);
  assert.ok(Math.abs((binding?.until ?? 0) - (arrivals(world)[0] as number) - 3_000) < 200);
  assert.deepEqual(why(world, 'path', READY), ['max_message_rate', '20/m,max_burst=2']);
  await world.runFor(60_000);
  assert.deepEqual(gaps(arrivals(world)), [0, 3, 3, 3, 3]);
  assert.equal(bindingOfReady(readyOf(world)), undefined);
  assert.equal(count(world, 'message.deferred'), 0);
});

test('a wait longer than connections stay idle: mail goes back meanwhile, no attempt', async () => {
  const world = await startWorld({ max_message_rate: '6/h,max_burst=1', idle_timeout: '5s' });
  submitMany(world, 4);
  await world.runFor(60_000);
  assert.equal(arrivals(world).length, 1);
  assert.equal(readyOf(world).size, 0, 'all wait in their queue');
  assert.ok(bindingOfReady(readyOf(world)) !== undefined, 'the place in the line is kept');
  assert.equal(world.net.links.size, 0);
  assert.equal(world.engine.core.delays.messageRate.total, 1);
  await world.runFor(40 * 60_000);
  assert.deepEqual(gaps(arrivals(world)), [600, 600, 600]);
  assert.equal(count(world, 'message.deferred'), 0);
  assert.ok(world.net.dials <= 8, `${world.net.dials} dials`);
});

test('a rate is not granted anew by a restart', async () => {
  const world = await startWorld({ max_message_rate: '2/m,max_burst=2' });
  submitMany(world, 4);
  await world.runFor(2_000);
  assert.equal(arrivals(world).length, 2);
  await world.crash();
  await world.runFor(120_000);
  const times = arrivals(world);
  assert.equal(times.length, 4);
  assert.ok((times[2] as number) - (times[0] as number) >= 29_900, String(gaps(times)));
  assert.ok((times[3] as number) - (times[0] as number) >= 59_900, String(gaps(times)));
});

test('a clock set back across a restart grants no rate anew; all goes in the end', async () => {
  const world = await startWorld({ max_message_rate: '2/m,max_burst=2' });
  submitMany(world, 4);
  await world.runFor(2_000);
  assert.equal(arrivals(world).length, 2);
  const backMs = 600_000;
  const caughtUpAt = world.now;
  world.time.now -= backMs;
  await world.crash();
  await world.runFor(backMs - 5_000);
  assert.equal(arrivals(world).length, 2);
  await world.runFor(120_000);
  const [first, , third, fourth] = arrivals(world) as [number, number, number, number];
  assert.ok(third >= caughtUpAt && third - first >= 29_900, `${third - first}`);
  assert.ok(fourth - first >= 59_900, `${fourth - first}`);
  assert.equal(count(world, 'message.deferred'), 0);
});

test('a changed rate begins afresh, an unchanged one goes on', async () => {
  const world = await startWorld({ max_message_rate: '2/h,max_burst=1', idle_timeout: '3h' });
  submitMany(world, 4);
  await world.runFor(5_000);
  world.usePolicy();
  await world.runFor(5_000);
  assert.equal(arrivals(world).length, 1, 'the same rate again');
  world.plan.paths[''] = { ...world.plan.paths[''], max_message_rate: '3/h,max_burst=1' };
  world.usePolicy();
  await world.runFor(5_000);
  assert.equal(arrivals(world).length, 2, 'another rate has its own bucket');
  delete world.plan.paths['']['max_message_rate'];
  world.usePolicy();
  await world.runFor(5_000);
  assert.equal(arrivals(world).length, 4, 'none holds nobody back');
});

test('max_connection_rate: each dial counts, also after a break', async () => {
  const path = { max_connection_rate: '6/m,max_burst=1', max_deliveries_per_connection: 1 };
  const world = await startWorld(path);
  submitMany(world, 4);
  await world.runFor(60_000);
  assert.deepEqual(gaps(world.net.dialled.map(({ at }) => at)), [10, 10, 10]);
  assert.equal(arrivals(world).length, 4);
});

test('max_connection_rate: the next host of a plan waits for its dial, too', async () => {
  const world = await startWorld({ max_connection_rate: '6/m,max_burst=1', idle_timeout: '30s' });
  const other = world.addDomain('b2.test', accepting);
  world.zone.mx.set('a.test', [
    { preference: 10, exchange: 'mx.a.test' },
    { preference: 20, exchange: 'mx.b2.test' },
  ]);
  world.hostOf('a.test').exchanger.manner = sayingAt('greeting', '554 5.3.2 not today');
  submitMany(world, 1);
  await world.runFor(30_000);
  assert.deepEqual(gaps(world.net.dialled.map(({ at }) => at)), [10]);
  assert.equal(other.exchanger.copies.length, 1);
  assert.equal(count(world, 'message.deferred'), 0);
});

test('a message that breaks off needs another token at the next host', async () => {
  const path = { max_message_rate: '6/m,max_burst=1', idle_timeout: '30s' };
  const world = await startWorld({ ...path, try_next_host_on_transport_error: true });
  const other = world.addDomain('b2.test', accepting);
  world.zone.mx.set('a.test', [
    { preference: 10, exchange: 'mx.a.test' },
    { preference: 20, exchange: 'mx.b2.test' },
  ]);
  world.hostOf('a.test').exchanger.manner = closingAfter(0);
  const sentAt: number[] = [];
  world.onWrite = (_link, bytes) => {
    if (bytes.toString('latin1').startsWith('MAIL')) sentAt.push(world.now);
  };
  submitMany(world, 1);
  await world.runFor(30_000);
  assert.deepEqual(gaps(sentAt), [10]);
  assert.equal(other.exchanger.copies.length, 1);
  assert.equal(count(world, 'message.offered'), 1);
});

test('source_selection_rate: another source is chosen, and none when all said no', async () => {
  const path = { source_selection_rate: '2/h,max_burst=1', idle_timeout: '1s' };
  const world = await startWorld(path, {}, 'three');
  submitMany(world, 5);
  await world.runFor(20_000);
  const sources = new Set(world.net.dialled.map(({ from }) => from));
  assert.deepEqual([...sources].sort(), ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  assert.equal(arrivals(world).length, 3);
  const queue = [...world.engine.core.queues.values()].find(({ row }) => row.name === 'a.test');
  const binding = queue === undefined ? undefined : bindingOfQueue(queue);
  assert.match(binding?.name ?? '', /^kumomta\.source_selection_rate\.ip-\d->.*\.ip-\d$/);
  const told = why(world, 'queue', 'a.test');
  assert.deepEqual(told, ['source_selection_rate', '2/h,max_burst=1']);
  await world.runFor(31 * 60_000);
  assert.equal(arrivals(world).length, 5);
  assert.equal(count(world, 'message.deferred'), 0);
});

test('a selection rate that is lifted is noticed at once', async () => {
  const world = await startWorld({ source_selection_rate: '1/d' });
  submitMany(world, 3);
  await world.runFor(10_000);
  assert.equal(arrivals(world).length, 1);
  delete (world.plan.paths[''] as Options)['source_selection_rate'];
  world.usePolicy();
  await world.runFor(10_000);
  assert.equal(arrivals(world).length, 3);
});

test('max_message_rate of a queue: mail of it is made ready so fast', async () => {
  const world = await startWorld({}, { max_message_rate: '12/m,max_burst=1' });
  submitMany(world, 4);
  submitMany(world, 2, 'b.test');
  await world.runFor(1_000);
  const queue = [...world.engine.core.queues.values()].find(({ row }) => row.name === 'a.test');
  assert.equal(queue && bindingOfQueue(queue)?.name, 'schedq-a.test-message-rate');
  assert.deepEqual(why(world, 'queue', 'a.test'), ['max_message_rate', '12/m,max_burst=1']);
  await world.runFor(30_000);
  for (const domain of ['a.test', 'b.test']) {
    assert.ok(
      gaps(arrivals(world, domain)).every((gap) => gap === 5),
      domain,
    );
  }
  assert.deepEqual([arrivals(world).length, arrivals(world, 'b.test').length], [4, 2]);
  assert.deepEqual(
    [...world.engine.core.delays.messageRate.entries()].map(([name]) => name).sort(),
    ['a.test', 'b.test'],
  );
});

test('additional_connection_limits: one place for two sites, handed on and on', async () => {
  const path = { additional_connection_limits: { narrow: 1 }, max_deliveries_per_connection: 2 };
  const world = await startWorld(path);
  submitMany(world, 6);
  submitMany(world, 6, 'b.test');
  let most = 0;
  await world.runFor(1_000, () => {
    most = Math.max(most, world.net.links.size);
  });
  const waiting = [...world.engine.core.readyQueues.values()].map(bindingOfReady);
  assert.ok(waiting.some((binding) => binding?.name === 'narrow'));
  const told = [READY, READY.replace('a.test', 'b.test')].map((name) => why(world, 'path', name));
  assert.ok(told.some(([name, value]) => name === 'additional_connection_limits' && value === '1'));
  await world.runFor(30_000, () => {
    most = Math.max(most, world.net.links.size);
  });
  assert.equal(most, 1);
  assert.deepEqual([arrivals(world).length, arrivals(world, 'b.test').length], [6, 6]);
});

test('a limit that is raised lets those in who waited for it', async () => {
  const path = { additional_connection_limits: { narrow: 1 }, idle_timeout: '1h' };
  const world = await startWorld(path);
  submitMany(world, 1);
  await world.runFor(2_000);
  submitMany(world, 1, 'b.test');
  await world.runFor(2_000);
  assert.equal(arrivals(world, 'b.test').length, 0, 'the idle connection has the place');
  world.plan.paths[''] = { ...world.plan.paths[''], additional_connection_limits: { narrow: 2 } };
  world.usePolicy();
  await world.runFor(5_000);
  assert.equal(arrivals(world, 'b.test').length, 1);
});

test('a lost place ends the connection after its message', async () => {
  const world = await World.start({
    seed: 3,
    quotas: 'late',
    plan: makePlan({
      queue: { egress_pool: 'one' },
      path: { additional_connection_limits: { all: 1 }, idle_timeout: '60s' },
    }),
    manners: { 'a.test': accepting },
  });
  await world.runFor(100);
  submitMany(world, 1);
  await world.runFor(3_000);
  const { server } = world.quotas as { server: { extend: unknown } };
  server.extend = (_lease: unknown, _lifeMs: number, answered: (isHeld: boolean) => void) =>
    answered(false);
  await world.runFor(30_000);
  submitMany(world, 1);
  await world.runFor(3_000);
  assert.equal(arrivals(world).length, 2);
  assert.match(world.said.join('\n'), /lost its place; it ends/);
  assert.equal(world.net.links.size, 0);
});
