/**
 * Law: what is due is sent as soon as rates and limits allow: no wake-up is lost, whoever counts;
 * nobody who shares a rate or a limit is starved; who waits costs nothing. The idea: many queues
 * in front of one rate, and a look at when each of them got its share. Deliberately unknown here:
 * that rates are not exceeded (see shaping-holds).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { intervalMs } from '../../src/domain/throttle.ts';
import { parseThrottle } from '../../src/domain/throttle-spec.ts';
import { accepting } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import { World } from '../../src/testing/world/world.ts';
import { assertLaw } from '../world/law.ts';

const DOMAINS = ['a.test', 'b.test', 'c.test', 'd.test'] as const;
/** Dialling, greetings, retries of what timed out while it waited. */
const SLACK_MS = 30_000;

type Options = Record<string, unknown>;

async function startWorld(
  seed: number,
  quotas: QuotasKind,
  plan: { readonly path?: Options; readonly queue?: Options },
): Promise<World> {
  const world = await World.start({
    seed,
    quotas,
    plan: makePlan({ ...plan, queue: { max_age: '7 days', egress_pool: 'one', ...plan.queue } }),
    manners: Object.fromEntries(DOMAINS.map((domain) => [domain, accepting])),
  });
  // One source, and as many connections of it as anybody likes.
  world.plan.paths['ip-1'] = {};
  await world.runFor(100);
  return world;
}

const submitAll = (world: World, each: number): void => {
  for (let count = 0; count < each; count += 1) {
    for (const domain of DOMAINS) world.submit([`u${count}@${domain}`]);
  }
};

const arrivals = (world: World, domain: string): readonly number[] =>
  world.hostOf(domain).exchanger.copies.map(({ at }) => at);

const countAll = (world: World): number =>
  DOMAINS.reduce((sum, domain) => sum + arrivals(world, domain).length, 0);

const rate = fc
  .record({
    limit: fc.integer({ min: 1, max: 30 }),
    seconds: fc.integer({ min: 1, max: 90 }),
    burst: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ limit, seconds, burst }) => `${limit}/${seconds}s,max_burst=${burst}`);
const where = fc.constantFrom(
  (text: string) => ({ path: { additional_message_rate_throttles: { all: text } } }),
  (text: string) => ({ path: { additional_source_selection_rates: { all: text } } }),
);
const own = fc.constantFrom(
  (text: string) => ({ path: { max_message_rate: text } }),
  (text: string) => ({ path: { source_selection_rate: text } }),
  (text: string) => ({ queue: { max_message_rate: text } }),
);
const kinds = fc.constantFrom<QuotasKind>('here', 'late');

test('what a rate allows is sent in time', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    kinds,
    rate,
    fc.oneof(where, own),
    fc.integer({ min: 1, max: 6 }),
    async (seed, kind, text, put, each) => {
      const world = await startWorld(seed, kind, put(text));
      const startedAt = world.now;
      submitAll(world, each);
      const isShared = JSON.stringify(put(text)).includes('"all"');
      const count = isShared ? each * DOMAINS.length : each;
      const spanMs = count * (intervalMs(parseThrottle(text)) + 1);
      await world.runFor(spanMs + SLACK_MS);
      const all = countAll(world);
      assert.equal(all, each * DOMAINS.length, `${text}: ${world.now - startedAt} ms`);
    },
  );
  await assertLaw(property, 0.5);
});

test('who shares a rate gets a share of it', async () => {
  const property = fc.asyncProperty(fc.nat(), kinds, rate, where, async (seed, kind, text, put) => {
    const world = await startWorld(seed, kind, put(text));
    submitAll(world, 20);
    await world.runFor(40 * intervalMs(parseThrottle(text)) + SLACK_MS);
    const shares = DOMAINS.map((domain) => arrivals(world, domain).length);
    const { maxBurst } = parseThrottle(text);
    const spread = Math.max(...shares) - Math.min(...shares);
    assert.ok(Math.min(...shares) >= 5, `${text}: ${shares}`);
    assert.ok(spread <= 4 * maxBurst + 6, `${text}: ${shares}`);
  });
  await assertLaw(property, 0.3);
});

test('who greets late gets its share, too', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    kinds,
    fc.integer({ min: 1, max: 50 }),
    fc.integer({ min: 60, max: 200 }),
    async (seed, kind, lateS, seconds) => {
      const all = `1/${seconds}s,max_burst=1`;
      const path = { additional_message_rate_throttles: { all }, banner_timeout: '60s' };
      const world = await startWorld(seed, kind, { path });
      world.hostOf(DOMAINS[0]).exchanger.manner = ({ stage }) =>
        stage === 'greeting' ? { say: '220 late.test ready', afterMs: lateS * 1_000 } : undefined;
      submitAll(world, 20);
      await world.runFor(32 * seconds * 1_000 + SLACK_MS);
      const shares = DOMAINS.map((domain) => arrivals(world, domain).length);
      assert.ok(Math.min(...shares) >= 3, `${all}, ${lateS} s late: ${shares}`);
    },
  );
  await assertLaw(property, 0.2);
});

test('who shares a limit gets a place under it', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    kinds,
    fc.integer({ min: 1, max: 3 }),
    async (...a) => {
      const [seed, kind, limit] = a;
      const path = {
        additional_connection_limits: { all: limit },
        max_deliveries_per_connection: 2,
      };
      const world = await startWorld(seed, kind, { path });
      submitAll(world, 12);
      await world.runFor(60_000);
      const shares = DOMAINS.map((domain) => arrivals(world, domain).length);
      assert.deepEqual(shares, [12, 12, 12, 12]);
      const firsts = DOMAINS.map((domain) => arrivals(world, domain)[0] ?? 0);
      const lasts = DOMAINS.map((domain) => arrivals(world, domain).at(-1) ?? 0);
      assert.ok(Math.max(...firsts) < Math.min(...lasts), 'all begin before any has finished');
    },
  );
  await assertLaw(property, 0.2);
});

test('who waits costs nothing', async () => {
  const path = { max_message_rate: '1/h,max_burst=1' };
  for (const put of [{ path }, { queue: { max_message_rate: '1/h,max_burst=1' } }]) {
    const idle = await startWorld(1, 'here', put);
    const busy = await startWorld(1, 'here', put);
    submitAll(busy, 25);
    await busy.runFor(30_000);
    await idle.runFor(30_000);
    const before = [idle, busy].map((world) => world.engine.core.turns.counts.turns);
    for (const world of [idle, busy]) await world.runFor(50 * 60_000);
    const turns = [idle, busy].map(
      (world, index) => world.engine.core.turns.counts.turns - (before[index] as number),
    );
    // Every five minutes the books are pictured, where there is mail, in three turns.
    const [of, most] = [turns[1] as number, (turns[0] as number) + 30];
    assert.ok(of <= most, `${of} turns, without mail ${turns[0]}`);
    assert.equal(countAll(busy), DOMAINS.length);
  }
});

test('nobody sends while everything is denied, and everybody as soon as it is not', async () => {
  const path = {
    max_message_rate: '100/s',
    max_connection_rate: '100/s',
    source_selection_rate: '100/s',
    additional_connection_limits: { all: 10 },
  };
  for (const alone of Object.entries(path)) {
    const world = await startWorld(1, 'denying', { path: Object.fromEntries([alone]) });
    submitAll(world, 3);
    await world.runFor(120_000);
    assert.equal(countAll(world), 0, alone[0]);
    const deferred = world.witness.records.filter(({ type }) => type === 'message.deferred');
    assert.deepEqual(deferred, [], 'no attempt is counted');
    world.quotas.kind = 'late';
    await world.crash();
    await world.runFor(20_000);
    assert.equal(countAll(world), 12, alone[0]);
  }
});
