/**
 * Rates so slow that connections would be gone before their next token, as an operator meets them:
 * mail waits in its queue and not for one source, goes elsewhere where it can, goes on when
 * anything changes, and says what it waits for. Deliberately unknown here: random policies and
 * faults; those are laws (shaping-holds, shaping-goes-on).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberOfMessageId } from '../../src/domain/message-id.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import { World } from '../../src/testing/world/world.ts';

type Options = Record<string, unknown>;

const READY = 'ip-1->mx.a.test@smtp_client';
const DAY_MS = 86_400_000;

interface Told {
  readonly path?: Options;
  /** Of the sources by name, in place of `path`. */
  readonly paths?: Readonly<Record<string, Options>>;
  readonly pool?: readonly string[];
  readonly quotas?: QuotasKind;
}

async function startWorld({ path, paths = {}, pool = ['ip-1'], quotas }: Told): Promise<World> {
  const queue = { egress_pool: 'main', max_age: '7 days' };
  const plan = makePlan({ queue, ...(path === undefined ? {} : { path }) });
  plan.pools['main'] = pool.map((name) => ({ name, weight: 1 }));
  plan.paths = { ...plan.paths, 'ip-1': {}, 'ip-2': {}, ...paths };
  const manners = { 'a.test': accepting, 'b.test': accepting };
  const world = await World.start({ seed: 3, plan, manners, ...(quotas ? { quotas } : {}) });
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

const deferrals = (world: World): number =>
  world.witness.records.filter(({ type }) => type === 'message.deferred').length;

function suspendSource(world: World, source: string, ms = 7 * DAY_MS): void {
  world.command({ kind: 'source.suspend', source, until: world.now + ms, why: 'test' });
}

function suspendReady(world: World, ready: string): void {
  const id = world.engine.allocateRuleId();
  const span = { ms: 7 * DAY_MS };
  world.command({ kind: 'suspension.place', id, about: { ready }, span, why: 'test' });
}

test('mail waits for the rate of one source only where there is no other', async () => {
  const paths = { 'ip-1': { max_message_rate: '1/d' } };
  const world = await startWorld({ paths, pool: ['ip-2', 'ip-1'] });
  submitMany(world, 10);
  await world.runFor(30_000);
  assert.equal(arrivals(world).length, 10);
  submitMany(world, 10);
  await world.runFor(30_000);
  assert.equal(arrivals(world).length, 20);
  assert.equal(deferrals(world), 0);
});

test('a lifted rate frees what waits for it', async () => {
  const world = await startWorld({ path: { max_message_rate: '1/d' } });
  submitMany(world, 5);
  await world.runFor(20_000);
  assert.equal(arrivals(world).length, 1);
  delete (world.plan.paths[''] as Options)['max_message_rate'];
  world.usePolicy();
  await world.runFor(20_000);
  assert.equal(arrivals(world).length, 5);
});

/** Mail that waits for the rates of both sources; the second lets one go in half an hour. */
async function waitForBoth(): Promise<World> {
  const paths = { 'ip-1': { max_message_rate: '1/d' }, 'ip-2': { max_message_rate: '2/h' } };
  const world = await startWorld({ paths, pool: ['ip-1', 'ip-2'] });
  submitMany(world, 8);
  await world.runFor(60_000);
  assert.equal(arrivals(world).length, 3);
  return world;
}

const WAYS: Readonly<Record<string, (world: World) => void>> = {
  'its source is suspended': (world) => suspendSource(world, 'ip-1'),
  'its ready queue is suspended': (world) => suspendReady(world, READY),
  'its source leaves the pool': (world) => {
    world.plan.pools['main'] = [{ name: 'ip-2', weight: 1 }];
    world.usePolicy();
  },
};

for (const [what, act] of Object.entries(WAYS)) {
  test(`${what}: mail that waits for a rate goes by the others as before`, async () => {
    const world = await waitForBoth();
    act(world);
    await world.runFor(150 * 60_000 + 30_000);
    assert.deepEqual(gaps(arrivals(world)).slice(2), [1800, 1800, 1800, 1800, 1800]);
    assert.equal(deferrals(world), 0);
  });
}

test('a source that comes to the pool takes what waits for the rates of the others', async () => {
  const world = await waitForBoth();
  world.plan.pools['main'] = ['ip-1', 'ip-2', 'ip-3'].map((name) => ({ name, weight: 1 }));
  world.usePolicy();
  await world.runFor(20_000);
  assert.equal(arrivals(world).length, 8);
});

test('a suspension is over before the next token: the token is still used in time', async () => {
  const world = await startWorld({ path: { max_message_rate: '1/h', idle_timeout: '5s' } });
  submitMany(world, 3);
  await world.runFor(60_000);
  suspendSource(world, 'ip-1', 600_000);
  await world.runFor(2 * 3_600_000);
  assert.deepEqual(gaps(arrivals(world)), [3600, 3600]);
});

for (const quotas of ['here', 'late'] as const) {
  test(`who waits for a slow rate costs a few moves a token; counted ${quotas}`, async () => {
    const path = { max_message_rate: '6/m,max_burst=1', max_ready: 100 };
    const world = await startWorld({ path, quotas });
    submitMany(world, 500);
    submitMany(world, 500, 'b.test');
    await world.runFor(5_000);
    const { held, wheel } = world.engine.core;
    let moves = 0;
    const place = held.place.bind(held);
    held.place = (slot, to) => {
      moves += 1;
      return place(slot, to);
    };
    const set = wheel.set.bind(wheel);
    wheel.set = (slot, dueAt) => {
      moves += 1;
      return set(slot, dueAt);
    };
    const before = arrivals(world).length;
    await world.runFor(100_000);
    const sent = arrivals(world).length - before;
    assert.equal(sent, 10);
    assert.ok(moves <= 10 * sent * 2, `${moves} moves for ${2 * sent} messages`);
    assert.equal(deferrals(world), 0);
  });
}

test('each message that had to wait is counted once', async () => {
  const world = await startWorld({ path: { max_message_rate: '6/m,max_burst=1' } });
  submitMany(world, 8);
  await world.runFor(120_000);
  assert.equal(arrivals(world).length, 8);
  assert.equal(world.engine.core.delays.messageRate.total, 7);
  assert.equal(world.engine.core.delays.readyFull.total, 0);
});

test('queues that share a slow rate take turns', async () => {
  const world = await startWorld({ path: { max_message_rate: '6/m,max_burst=1' } });
  world.zone.mx.set('other.test', [{ preference: 10, exchange: 'mx.a.test' }]);
  submitMany(world, 5);
  await world.runFor(1_000);
  submitMany(world, 5, 'other.test');
  await world.runFor(1_000);
  submitMany(world, 5);
  await world.runFor(80_000);
  const order = world.hostOf('a.test').exchanger.copies.map(({ to }) => to.join());
  const turns = order.slice(1, 9).map((to) => (to.endsWith('@other.test') ? 'o' : 'a'));
  assert.match(turns.join(''), /^(oa){4}$|^(ao){4}$/);
});

test('a flood of one queue takes nobody the turn that was waited for', async () => {
  const world = await startWorld({ path: { max_message_rate: '6/m,max_burst=1' } });
  world.zone.mx.set('other.test', [{ preference: 10, exchange: 'mx.a.test' }]);
  submitMany(world, 2);
  await world.runFor(1_000);
  submitMany(world, 6, 'other.test');
  await world.runFor(1_000);
  for (let token = 0; token < 6; token += 1) {
    const until = world.engine.core.readyQueues.get(READY)?.shaping.sender.binding?.until ?? 0;
    await world.runFor(until - world.now - 20);
    for (let at = 0; at < 40; at += 1) {
      submitMany(world, 1);
      await world.runFor(1);
    }
    await world.runFor(1_000);
  }
  const copies = world.hostOf('a.test').exchanger.copies;
  const others = copies.filter(({ to }) => to.join().endsWith('@other.test'));
  assert.deepEqual([copies.length, others.length], [7, 3]);
});

test('who is called and has no mail any more leaves the token to the next', async () => {
  const world = await startWorld({ path: { max_message_rate: '6/m,max_burst=1' } });
  world.zone.mx.set('other.test', [{ preference: 10, exchange: 'mx.a.test' }]);
  submitMany(world, 4);
  await world.runFor(1_000);
  submitMany(world, 2, 'other.test');
  await world.runFor(1_000);
  for (const mail of world.mails.values()) {
    const id = mail.messages[0]?.id ?? '';
    const row = world.engine.core.books.rows.find(numberOfMessageId(id));
    const isHere = row >= 0 && world.engine.core.books.queueOfRow(row).name === 'a.test';
    if (isHere) world.command({ kind: 'message.cancel', id, why: 'test' });
  }
  await world.runFor(10_000);
  const [, second] = world.hostOf('a.test').exchanger.copies;
  assert.deepEqual(second?.to, ['u0@other.test']);
});

test('why: queue, path and message name the rate and its end', async () => {
  const world = await startWorld({ path: { max_message_rate: '1/d' } });
  submitMany(world, 3);
  await world.runFor(20_000);
  const [first] = arrivals(world);
  const [, second] = [...world.mails.values()];
  const subjects = [
    { kind: 'queue', name: 'a.test' },
    { kind: 'path', name: READY },
    { kind: 'message', name: second?.messages[0]?.id ?? '' },
  ] as const;
  for (const subject of subjects) {
    const told = world.engine.explain(subject);
    assert.ok(typeof told !== 'string', String(told));
    const [reason] = told.reasons;
    assert.deepEqual([reason?.name, reason?.rule?.value], ['max_message_rate', '1/d']);
    const waitMs = (reason?.until ?? 0) - (first as number);
    assert.ok(Math.abs(waitMs - DAY_MS) < 1_000, `${subject.kind}: ${waitMs}`);
  }
});

test('no connection is opened before its message may go', async () => {
  const path = {
    max_message_rate: '1/h,max_burst=1',
    max_deliveries_per_connection: 1,
    idle_timeout: '60s',
  };
  const world = await startWorld({ path });
  submitMany(world, 4);
  await world.runFor(4 * 3_600_000);
  assert.equal(arrivals(world).length, 4);
  // Several were opened at first, when nothing was known of the rate.
  assert.ok(world.net.dials <= 6, `${world.net.dials} dials`);
});
