/**
 * The quotas over Redis under the suite of all, against a real server whose clock the test moves;
 * and what only they have: two daemons on one count, local ones beside shared ones.
 * Deliberately unknown here: what happens when Redis goes away.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisConfig } from '../../src/domain/options-redis.ts';
import { createQuotas } from '../../src/domain/quotas.ts';
import { openRedisQuotas } from '../../src/ports/node/quotas-redis.ts';
import type { Lease, NamedLimit, Quotas } from '../../src/ports/quotas.ts';
import type { QuotasPlace } from './quotas-contract.ts';
import { acquire, held, limit, quotasContract, rate, take } from './quotas-contract.ts';
import { noTimedRedis, RedisServer } from './redis-server.ts';

const DAY_MS = 86_400_000;
const STEP_MS = 1_000;

interface TwoDaemons extends QuotasPlace {
  readonly other: Quotas;
  /** From here on the first daemon says nothing by itself. */
  freeze(): void;
}

/** Two daemons on one server, all on one clock that stands still between steps. */
async function openTwo(): Promise<TwoDaemons> {
  const server = await RedisServer.start({ isTimed: true });
  let steady = 0;
  const now = () => 1_750_000_000_000 + steady;
  const config = parseRedisConfig({ node: server.url, fallback_share: '1/2' }, 'test');
  const open = () =>
    openRedisQuotas({
      config,
      inner: createQuotas({ now }),
      now,
      log: () => {},
      // Nobody looks at the clock by itself: every step is followed by a heartbeat.
      time: { steadyMs: () => steady, every: () => () => {} },
    });
  const daemons = [open(), open()] as const;
  await Promise.all(daemons.map(({ firstWord }) => firstWord));
  let isFrozen = false;
  const step = async (ms: number): Promise<void> => {
    steady += ms;
    server.pass(ms);
    for (const daemon of isFrozen ? daemons.slice(1) : daemons) {
      daemon.beat();
      // Answers come in order, so the heartbeat is through as well.
      await take(daemon.quotas, [rate('heartbeat', '1000000/s')]);
    }
  };
  // Rates of a server that knew nothing begin used up; a long time later they are as good as new.
  await step(2 * DAY_MS);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP_MS) await step(STEP_MS);
  };
  await pass(5_000);
  return {
    quotas: daemons[0].quotas,
    other: daemons[1].quotas,
    pass,
    freeze: () => {
      isFrozen = true;
    },
    dispose: async () => {
      await Promise.all(daemons.map((daemon) => daemon.close()));
      await server.dispose();
    },
  };
}

const says = (what: string, run: (place: TwoDaemons) => Promise<void>): void => {
  test(`over Redis: ${what}`, { skip: noTimedRedis }, async () => {
    const place = await openTwo();
    try {
      await run(place);
    } finally {
      await place.dispose();
    }
  });
};

if (noTimedRedis === false) quotasContract('over Redis', openTwo);

says('two daemons take from one bucket', async ({ quotas, other, pass }) => {
  const rates = [rate('a', '6/m,max_burst=4')];
  assert.equal((await take(quotas, rates, 3)).granted, 3);
  const second = await take(other, rates, 3);
  assert.deepEqual([second.granted, second.binding], [1, 'a']);
  assert.equal((await take(quotas, rates)).granted, 0);
  await pass(second.waitMs);
  assert.equal((await take(quotas, rates, 5)).granted, 1);
  assert.equal((await take(other, rates, 5)).granted, 0);
});

says('what one daemon gives back the other may have', async ({ quotas, other }) => {
  const rates = [rate('a', '3/h')];
  const { at } = await take(quotas, rates, 3);
  quotas.giveBack(rates, 2, at);
  await take(quotas, [rate('heartbeat', '1000000/s')]);
  assert.equal((await take(other, rates, 3)).granted, 2);
});

says('two daemons share the places of a limit', async ({ quotas, other, pass }) => {
  const limits = [limit('a', 3)];
  const leases = [await held(quotas, limits), await held(quotas, limits)];
  await held(other, limits);
  assert.equal((await acquire(other, limits)).kind, 'denied');
  // A minute later heartbeats have kept all three.
  await pass(50_000);
  assert.equal((await acquire(other, limits)).kind, 'denied');
  for (const lease of leases) quotas.release(lease);
  await take(quotas, [rate('heartbeat', '1000000/s')]);
  await held(other, limits);
  await held(other, limits);
  assert.equal((await acquire(quotas, limits)).kind, 'denied');
});

const local = (name: string, most: number): NamedLimit => ({
  name,
  spec: { limit: most, local: true },
});

says('what is local is counted by each daemon for itself', async ({ quotas, other }) => {
  await held(quotas, [local('a', 1)]);
  await held(other, [local('a', 1)]);
  assert.equal((await acquire(quotas, [local('a', 1)])).kind, 'denied');
  assert.equal((await take(quotas, [rate('b', 'local:2/h')], 9)).granted, 2);
  assert.equal((await take(other, [rate('b', 'local:2/h')], 9)).granted, 2);
  assert.deepEqual([quotas.isShared(local('a', 1)), quotas.isShared(limit('a', 1))], [false, true]);
});

says('local and shared together: all or none', async ({ quotas, other }) => {
  const both = [rate('own', 'local:9/h'), rate('all', '4/h')];
  const first = await take(quotas, both, 6);
  assert.deepEqual([first.granted, first.binding], [4, 'all']);
  assert.equal((await take(quotas, [rate('own', 'local:9/h')], 9)).granted, 5);
  await held(other, [limit('full', 1)]);
  assert.equal((await acquire(quotas, [local('one', 1), limit('full', 1)])).kind, 'denied');
  const lease = await held(quotas, [local('one', 1), limit('free', 1)]);
  assert.equal((await acquire(quotas, [local('one', 1), limit('other', 1)])).kind, 'denied');
  quotas.release(lease);
  await held(quotas, [local('one', 1), limit('free', 1)]);
});

says('many at once take no more than there is', async ({ quotas, other }) => {
  const rates = [rate('a', '50/h'), rate('b', '60/h')];
  const takes = Array.from({ length: 100 }, (_, at) => take(at % 2 === 0 ? quotas : other, rates));
  const got = (await Promise.all(takes)).reduce((sum, { granted }) => sum + granted, 0);
  assert.equal(got, 50);
  const places = Array.from({ length: 40 }, (_, at) =>
    acquire(at % 2 === 0 ? quotas : other, [limit('c', 10), limit('d', 11)]),
  );
  const kinds = await Promise.all(places);
  assert.equal(kinds.filter(({ kind }) => kind === 'held').length, 10);
});

says('the places of a daemon that died come free within 20 s', async (place) => {
  const { quotas, other, pass } = place;
  const limits = [limit('a', 2)];
  const lives = 1_690_000;
  const leases = [await held(quotas, limits, lives), await held(quotas, limits, lives)];
  place.freeze();
  await pass(10_000);
  assert.equal((await acquire(other, limits, lives)).kind, 'denied');
  await pass(11_000);
  await held(other, limits, lives);
  // Was it only asleep, it learns before its next message who may go on.
  const extend = (lease: Lease): Promise<boolean> =>
    new Promise((answered) => quotas.extend(lease, lives, answered));
  const kept = [];
  for (const lease of leases) kept.push(await extend(lease));
  assert.deepEqual(kept, [true, false]);
});
