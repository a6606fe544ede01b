/**
 * Stories of one log hook: batches, failing receivers, the log beneath it.
 * Deliberately unknown here: the law (test/property/shipped-equals-log); these are its usual days.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HANDLER_TOLD_MS } from '../../src/projections/shipper/held.ts';
import { levelOf, sentenceOf } from '../../src/projections/shipper/news.ts';
import { ABORT_MS_MAX, REFUSED_TOLD_MS } from '../../src/projections/shipper/sending.ts';
import { KIND } from '../../src/testing/sinks/receiver.ts';
import { makeRecord } from '../world/hook-log.ts';
import { FREE_SHAPE, HookWorld } from '../world/hook-world.ts';
import { begin, commit, gaps, kinds, S, sizes, taken } from './shipper-kit.ts';

describe('batches', () => {
  test('one at a time unless said otherwise, each behind its cursor', async () => {
    const world = begin();
    commit(world, 3);
    await world.runFor(1);
    assert.deepEqual(sizes(world), [1, 1, 1]);
    assert.equal(taken(world), 'e1 e2 e3');
    assert.equal(world.shelf.cursor?.position, 3);
    assert.equal(world.shelf.cursor?.shipped, 3);
    const [first] = world.receiver.taken;
    assert.deepEqual([first?.text, first?.isReplay, first?.position], ['e1', false, 1]);
  });

  test('as many as there are, up to batch_size', async () => {
    const batching = { batchSize: 10, minBatchSize: 1, maxBatchLatencyMs: 0 };
    const world = new HookWorld({ seed: 1, batching });
    commit(world, 25);
    world.start();
    await world.runFor(1);
    assert.deepEqual(sizes(world), [10, 10, 5]);
  });

  test('fewer than min_batch_size wait max_batch_latency, from the first of them on', async () => {
    const world = begin({ batching: { batchSize: 10, minBatchSize: 4, maxBatchLatencyMs: 5 * S } });
    await world.runFor(100);
    const startAt = world.time.now;
    commit(world, 1);
    await world.runFor(3 * S);
    commit(world, 1);
    assert.equal(world.shipper.status().state, 'filling');
    await world.runFor(3 * S);
    assert.deepEqual(sizes(world), [2]);
    assert.equal((world.receiver.sent[0]?.at ?? 0) - startAt, 5 * S);
    commit(world, 4);
    await world.runFor(10);
    assert.deepEqual(sizes(world), [2, 4]);
  });

  test('more text than a batch may have is split; what is larger goes alone', async () => {
    const batching = { batchSize: 10, minBatchSize: 1, maxBatchLatencyMs: 0 };
    const world = new HookWorld({ seed: 1, batching });
    const large = 'x'.repeat(5 * 1024 * 1024);
    for (const id of ['a', `b${large}`, `c${large}`, `d${large}${large}`, 'e', 'f']) {
      world.log.commit(makeRecord({ event_id: id }));
    }
    world.start();
    await world.runFor(10);
    assert.deepEqual(sizes(world), [2, 1, 1, 2]);
  });
});

describe('a receiver that fails', () => {
  test('is asked again after growing waits with the same batch, and that is told', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, fails: 1 };
    commit(world, 1);
    await world.runFor(60 * S);
    const waits = gaps(world);
    for (const [index, plain] of [1, 2, 4, 8, 16].entries()) {
      assert.ok(Math.abs((waits[index] ?? 0) - plain * S) <= plain * 50, `${waits}`);
    }
    assert.equal(world.shelf.cursor?.position, 0);
    assert.equal(world.shipper.status().lastError, 'status 503');
    world.receiver.mood = { ...KIND };
    commit(world, 2);
    await world.runFor(21 * S);
    assert.equal(taken(world), 'e1 e2 e3');
    assert.equal(world.shipper.status().failures, 0);
    const recovered = world.news.find(({ kind }) => kind === 'recovered');
    assert.match(recovered === undefined ? '' : sentenceOf('w', recovered), /after \d failed/);
  });

  test('and says when to come back is not asked before', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, fails: 1, retryAfterMs: 10 };
    world.receiver.chance.between = (_min, max) => (max === 10 ? 90 * S : 0);
    commit(world, 1);
    await world.runFor(89 * S);
    world.receiver.mood = { ...KIND };
    assert.equal(world.receiver.sent.length, 1);
    // Another shape has shorter waits; what the receiver asked for stands.
    world.shipper.reshape({ ...FREE_SHAPE, maxRetryIntervalMs: S });
    await world.runFor(2 * S);
    assert.equal(taken(world), 'e1');
    assert.deepEqual(gaps(world), [90 * S]);
  });

  test('a shorter max_retry_interval holds at once', async () => {
    const world = begin({
      shape: { ...FREE_SHAPE, retryIntervalMs: 3_600 * S, maxRetryIntervalMs: 3_600 * S },
    });
    world.receiver.mood = { ...KIND, fails: 1 };
    commit(world, 1);
    await world.runFor(10 * S);
    world.receiver.mood = { ...KIND };
    world.shipper.reshape({ ...FREE_SHAPE, maxRetryIntervalMs: 5 * S });
    await world.runFor(6 * S);
    assert.equal(taken(world), 'e1');
  });

  test('refuses for good: those are dead letters, durable before the cursor moves', async () => {
    const world = begin({ batching: { batchSize: 4, minBatchSize: 4, maxBatchLatencyMs: S } });
    world.receiver.mood = { ...KIND, refusesSome: 0.5 };
    world.shelf.disk.mood.slowMs = 50;
    await world.runFor(S);
    commit(world, 4);
    const isBuried = (): boolean => world.shelf.letters.length > 0;
    assert.ok(await world.runUntil(isBuried, 10 * S));
    assert.equal(world.shelf.cursor?.position, 0);
    await world.runFor(S);
    assert.equal(world.shelf.cursor?.position, 4);
    const dead = world.shelf.letters.map(({ eventId, reason }) => `${eventId} ${reason}`);
    assert.equal(dead.length + world.receiver.taken.length, 4);
    assert.match(dead[0] ?? '', /^e\d status 400$/);
    assert.equal(world.shelf.cursor?.deadLettered, dead.length);
  });

  test('refuses each record: the log hears of it once a while, with the sum', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, refusesAll: 1 };
    commit(world, 30);
    await world.runFor(REFUSED_TOLD_MS + S);
    commit(world, 1);
    await world.runFor(S);
    const told = world.news.flatMap((news) => (news.kind === 'refused' ? [news.records] : []));
    assert.deepEqual(told, [1, 30]);
    assert.equal(world.shelf.letters.length, 31);
    assert.equal(world.shelf.cursor?.deadLettered, 31);
  });

  test('a disk that takes no dead letters holds the hook up, and that is told', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, refusesAll: 1 };
    await world.runFor(10);
    world.shelf.disk.mood.refuses = 1;
    commit(world, 2);
    await world.runFor(3 * S);
    assert.equal(world.receiver.sent.length, 1);
    assert.equal(world.shipper.status().state, 'stalled');
    world.shelf.disk.mood.refuses = 0;
    await world.runFor(2 * S);
    assert.equal(world.shelf.letters.length, 2);
    assert.ok(kinds(world).includes('stalled'));
  });

  test('throws, or answers nonsense, or never: a failed batch each, and a new sink', async () => {
    const world = begin({ sendMsMax: 10 * S });
    for (const mood of [{ throws: 1 }, { babbles: 1 }, { hangs: 1 }, { dies: 1 }]) {
      world.receiver.mood = { ...KIND, ...mood };
      commit(world, 1);
      await world.runFor(10 * S + ABORT_MS_MAX + 100);
      world.receiver.mood = { ...KIND };
      await world.runFor(21 * S);
    }
    assert.equal(taken(world), 'e1 e2 e3 e4');
    const reasons = world.news.flatMap((one) => (one.kind === 'failed' ? [one.reason] : []));
    assert.match(reasons.join(), /threw: a slip.*cannot be understood.*give up.*did not answer/);
    assert.equal(kinds(world).filter((kind) => kind === 'stuck').length, 1);
  });
});

describe('the log under a hook', () => {
  test('a hook that begins again takes up what is there by itself', async () => {
    const world = begin();
    await world.runFor(10);
    world.crash();
    commit(world, 3);
    world.start();
    await world.runFor(10);
    assert.equal(taken(world), 'e1 e2 e3');
  });

  test('what fell off is told and counted, and the hook goes on behind it', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, fails: 1 };
    await world.runFor(10);
    world.shipper.pause(() => {});
    await world.runFor(10);
    commit(world, 20);
    world.log.fallOff(15);
    await world.runFor(61 * S);
    const fallen = world.news.find(({ kind }) => kind === 'fell off');
    assert.deepEqual(fallen, { kind: 'fell off', after: 0, upto: 15 });
    assert.equal(fallen && levelOf(fallen), 'warn');
    assert.deepEqual([world.shelf.cursor?.position, world.shelf.cursor?.fallenOff], [15, 15]);
    world.receiver.mood = { ...KIND };
    world.shipper.resume(() => {});
    await world.runFor(S);
    assert.equal(taken(world), 'e16 e17 e18 e19 e20');
  });

  test('what it does not take moves its cursor too, now and then', async () => {
    const world = begin({ filter: { types: new Set(['Bounce']) } });
    await world.runFor(10);
    for (let second = 0; second < 10; second += 1) {
      commit(world, 100);
      await world.runFor(S);
    }
    await world.runFor(2 * S);
    assert.equal(world.shelf.cursor?.position, 1_000);
    assert.ok(world.shelf.saves < 15, `${world.shelf.saves} saves`);
    assert.equal(world.receiver.sent.length, 0);
  });

  test('a long stretch without a record for it is read in slices', async () => {
    const world = new HookWorld({ seed: 1, filter: { types: new Set(['Bounce']) } });
    commit(world, 25_000);
    commit(world, 1, { type: 'Bounce' });
    world.start();
    await world.runFor(100);
    assert.equal(taken(world), 'e25001');
    assert.ok(world.log.reads >= 25);
  });

  test('a handler that fails drops nothing, and is told once a minute', async () => {
    const ask = (): never => {
      throw new Error('nil is not a table');
    };
    const world = begin({ ask });
    commit(world, 50);
    await world.runFor(S);
    assert.equal(world.receiver.taken.length, 50);
    assert.equal(kinds(world).filter((kind) => kind === 'handler failed').length, 1);
    await world.runFor(HANDLER_TOLD_MS);
    commit(world, 1);
    await world.runFor(S);
    const told = world.news.flatMap((one) => (one.kind === 'handler failed' ? [one.records] : []));
    assert.deepEqual(told, [1, 50]);
    assert.equal(world.shipper.status().counts.handlerFailures, 51);
  });
});
