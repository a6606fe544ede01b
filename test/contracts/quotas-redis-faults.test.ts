/**
 * Two daemons on a real Redis that is killed, started empty, hung, slowed and missing from the
 * start, while both take all they can get: the two together never have more than the limit, and
 * never more tokens in any span than the burst and the rate.
 * Deliberately unknown here: mail.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseRedisConfig } from '../../src/domain/options-redis.ts';
import { createQuotas } from '../../src/domain/quotas.ts';
import type { OpenedRedisQuotas } from '../../src/ports/node/quotas-redis.ts';
import { openRedisQuotas } from '../../src/ports/node/quotas-redis.ts';
import type { Lease, Quotas } from '../../src/ports/quotas.ts';
import { findFreePort } from '../faults/free-port.ts';
import { acquire, held, limit, rate, take } from './quotas-contract.ts';
import { Greed } from './quotas-greed.ts';
import { noRedis, RedisServer } from './redis-server.ts';

const now = (): number => Date.now();
const BEAT_MS = 100;
/** All spans of the agreement are short here: away for 1.3 s and a daemon goes on alone. */
const SHORT = { connect_timeout: '100ms', response_timeout: '150ms', fallback_after: '500ms' };
/** Longer than Redis is told at once, and than all of the spans. */
const LIFE_MS = 30_000;

interface Daemon extends OpenedRedisQuotas {
  readonly lines: string[];
}

function open(node: string, options: object = {}): Daemon {
  const lines: string[] = [];
  const raw = { node, fallback_share: '1/2', ...SHORT, ...options };
  const config = parseRedisConfig(raw, 'test');
  const log = (level: string, text: string): void => {
    lines.push(`${level} ${text}`);
  };
  const opened = openRedisQuotas({
    config,
    inner: createQuotas({ now }),
    now,
    log,
    beatMs: BEAT_MS,
  });
  return { ...opened, lines };
}

async function until(what: string, isSo: () => boolean, waitMs = 20_000): Promise<void> {
  const end = performance.now() + waitMs;
  while (!isSo()) {
    assert.ok(performance.now() < end, `never: ${what}`);
    await sleep(20);
  }
}

const areHere = (daemons: readonly Daemon[]) => (): boolean =>
  daemons.every((daemon) => daemon.figures().isAvailable);
const areAway = (daemons: readonly Daemon[]) => (): boolean =>
  daemons.every((daemon) => !daemon.figures().isAvailable);

/** Runs two greedy daemons through `story`; each step says what it waits for. */
async function whileGreedy(
  story: (server: RedisServer, daemons: readonly Daemon[], greed: Greed) => Promise<void>,
): Promise<void> {
  const server = await RedisServer.start();
  const daemons = [open(server.url), open(server.url)];
  const rates = [rate('r', '60/s,max_burst=90')];
  const limits = [limit('l', 10), limit('wide', 14)];
  const greed = new Greed({ rates, limits, lifeMs: LIFE_MS, workers: 12 });
  try {
    for (const { quotas } of daemons) greed.add(quotas);
    await until('both are here', areHere(daemons));
    await greed.progress('at the start');
    await story(server, daemons, greed);
    await greed.progress('at the end');
    await greed.stop();
    // A token is counted at most one answer before we hear of it.
    greed.judge({ limit: 10, burst: 90, perS: 60, slackMs: 150 });
    console.log(`# ${greed.describe()}`);
  } finally {
    await greed.stop();
    await Promise.all(daemons.map((daemon) => daemon.close()));
    await server.dispose();
  }
}

test('Redis is killed and started again empty', { skip: noRedis }, () =>
  whileGreedy(async (server, daemons, greed) => {
    await server.kill();
    await until('both are away', areAway(daemons));
    await until('both are alone', () => daemons.every(({ figures }) => figures().fallbacks === 1));
    await greed.progress('without Redis');
    await server.start();
    await until('both are back', areHere(daemons));
  }),
);

test('Redis is started again before anybody is alone', { skip: noRedis }, () =>
  whileGreedy(async (server, daemons) => {
    for (let times = 0; times < 3; times += 1) {
      await server.kill();
      await server.start();
      await sleep(600);
    }
    await until('both are back', areHere(daemons));
  }),
);

test('Redis hangs, and goes on with all it knew', { skip: noRedis }, () =>
  whileGreedy(async (server, daemons, greed) => {
    server.hang();
    await until('both are away', areAway(daemons));
    await until('both are alone', () => daemons.every(({ figures }) => figures().fallbacks === 1));
    await greed.progress('while it hangs');
    server.goOn();
    await until('both are back', areHere(daemons));
    const lines = daemons.map((daemon) => daemon.lines.map((line) => line.split(' ')[0]));
    for (const levels of lines) assert.deepEqual(levels, ['info', 'warn', 'warn', 'info']);
  }),
);

test('Redis is slow, in fits and starts', { skip: noRedis }, () =>
  whileGreedy(async (server, daemons) => {
    for (let times = 0; times < 25; times += 1) {
      server.hang();
      await sleep(40 + 8 * times);
      server.goOn();
      await sleep(80);
    }
    await until('both are back', areHere(daemons));
  }),
);

test('Redis forgets everything while it stands', { skip: noRedis }, () =>
  whileGreedy(async (server, _daemons, greed) => {
    for (let times = 0; times < 3; times += 1) {
      await server.say('FLUSHALL');
      await greed.progress('after it forgot');
    }
  }),
);

test('who has more than its share comes down before the other goes up', {
  skip: noRedis,
}, async () => {
  const server = await RedisServer.start();
  const daemons = [open(server.url), open(server.url, { fallback_after: '3s' })] as const;
  const [rich, poor] = daemons;
  const limits = [limit('l', 10)];
  const lives = 600_000;
  const tryAll = async (quotas: Quotas): Promise<number> => {
    const tries = Array.from({ length: 12 }, () => acquire(quotas, limits, lives));
    return (await Promise.all(tries)).filter(({ kind }) => kind === 'held').length;
  };
  try {
    await until('both are here', areHere(daemons));
    await sleep(800);
    const leases: Lease[] = [];
    // Places come one after the other, later on a busy machine.
    for (let left = 100; leases.length < 8 && left > 0; left -= 1) {
      const leased = await acquire(rich.quotas, limits, lives);
      if (leased.kind === 'held') leases.push(leased.lease);
      else await sleep(50);
    }
    assert.equal(leases.length, 8);
    const told: string[] = [];
    rich.quotas.watch?.(({ id }) => told.push(id));
    await server.kill();
    const lostAt = performance.now();
    await until('both are alone', () => daemons.every(({ figures }) => figures().fallbacks === 1));
    assert.equal(await tryAll(poor.quotas), 0, 'the other may still have all ten');
    assert.equal(new Set(told).size, 3, 'eight are three more than half of ten');
    assert.equal(await tryAll(rich.quotas), 0);
    const surplus = leases.filter(({ id }) => told.includes(id));
    for (const lease of surplus) {
      const isHeld = new Promise((answered) => rich.quotas.extend(lease, lives, answered));
      assert.equal(await isHeld, false);
      rich.quotas.release(lease);
    }
    const kept = leases.find(({ id }) => !told.includes(id)) as Lease;
    assert.equal(await new Promise((answered) => rich.quotas.extend(kept, lives, answered)), true);
    assert.equal(await tryAll(rich.quotas), 0);
    await sleep(3_300 - (performance.now() - lostAt));
    assert.equal(await tryAll(poor.quotas), 5);
    await server.start();
    await until('both are back', areHere(daemons));
    await sleep(800);
    assert.deepEqual([await tryAll(rich.quotas), await tryAll(poor.quotas)], [0, 0]);
    rich.quotas.release(kept);
    await sleep(100);
    assert.equal(await tryAll(poor.quotas), 1);
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.close()));
    await server.dispose();
  }
});

test('a daemon starts without Redis, and finds it later', { skip: noRedis }, async () => {
  const port = await findFreePort();
  const daemon = open(`redis://127.0.0.1:${port}`);
  await daemon.firstWord;
  try {
    const rates = [rate('a', '100/s')];
    assert.equal((await take(daemon.quotas, rates)).granted, 0);
    assert.match(
      daemon.lines[0] ?? '',
      /^warn setup\.redisThrottles: Redis at 127\.0\.0\.1:\d+ is/,
    );
    assert.match(daemon.lines[0] ?? '', /ECONNREFUSED.*1\/2 of each shared limit and rate/);
    const share = async (): Promise<number> => {
      const leased = await acquire(daemon.quotas, [limit('five', 5)]);
      return leased.kind === 'held' ? 1 : 0;
    };
    await until('it is alone', () => {
      daemon.quotas.take(rates, 1, () => {});
      return daemon.figures().fallbacks === 1;
    });
    let places = 0;
    for (let times = 0; times < 9; times += 1) places += await share();
    assert.equal(places, 2, 'half of five, rounded down');
    const one = await acquire(daemon.quotas, [limit('one', 1)]);
    assert.equal(one.kind === 'denied' && one.binding, 'one', 'half of one is none');
    const slow = await take(daemon.quotas, [rate('slow', '1/h')]);
    assert.deepEqual([slow.granted, slow.binding], [0, 'slow']);
    await sleep(100);
    assert.ok((await take(daemon.quotas, rates, 99)).granted > 0);
    const server = await RedisServer.startAt(port);
    try {
      await until('it is here', areHere([daemon]));
      await sleep(900);
      for (let times = 0; times < 3; times += 1) await held(daemon.quotas, [limit('five', 5)]);
      assert.equal((await acquire(daemon.quotas, [limit('five', 5)])).kind, 'denied');
    } finally {
      await server.dispose();
    }
  } finally {
    await daemon.close();
  }
});

test('a wrong password is said in a sentence', { skip: noRedis }, async () => {
  const server = await RedisServer.start({ options: ['--requirepass', 'right'] });
  const place = `127.0.0.1:${server.port}`;
  const cases: readonly (readonly [string, object, RegExp])[] = [
    [`redis://${place}`, {}, /wants a password: give password \(and username\) in setup/],
    [`redis://:wrong@${place}`, {}, /refuses this username and password: correct them in setup/],
    [`redis://${place}`, { cluster: true }, /wants a password|no cluster/],
  ];
  try {
    for (const [node, options, expected] of cases) {
      const daemon = open(node, options);
      await daemon.firstWord;
      assert.match(daemon.lines[0] ?? '', expected);
      assert.doesNotMatch(daemon.lines.join(' '), /right|wrong/);
      await daemon.close();
    }
    const daemon = open(`redis://:right@${place}`);
    await until('the right one is let in', areHere([daemon]));
    await daemon.close();
  } finally {
    await server.dispose();
  }
});
