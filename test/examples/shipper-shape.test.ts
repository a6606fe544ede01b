/**
 * Stories of the shape that the policy gives a hook, of replays, and of where a hook begins.
 * Deliberately unknown here: how the options are written.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { firstCursor, replayCursor } from '../../src/projections/shipper/beginning.ts';
import type { ReplayParts } from '../../src/projections/shipper/replay.ts';
import { startReplay } from '../../src/projections/shipper/replay.ts';
import { KIND, Receiver } from '../../src/testing/sinks/receiver.ts';
import { HookShelf } from '../world/hook-log.ts';
import { EVERYTHING, FREE_SHAPE, HookWorld, ONE_BY_ONE } from '../world/hook-world.ts';
import { begin, commit, gaps, S, sizes, taken } from './shipper-kit.ts';

const perSecond = (limit: number, maxBurst: number) => ({
  limit,
  periodMs: S,
  maxBurst,
  local: true,
});

describe('the shape of a hook', () => {
  test('max_message_rate: no second sees more than burst and rate, batches are cut', async () => {
    const shape = { ...FREE_SHAPE, maxMessageRate: perSecond(10, 5) };
    const world = begin({
      shape,
      batching: { batchSize: 8, minBatchSize: 1, maxBatchLatencyMs: 0 },
    });
    await world.runFor(1);
    commit(world, 100);
    await world.runFor(12 * S);
    assert.equal(world.receiver.taken.length, 100);
    for (const [index, { at }] of world.receiver.sent.entries()) {
      const within = world.receiver.sent.slice(index).filter((one) => one.at - at < S);
      const count = within.reduce((sum, { batch }) => sum + batch.length, 0);
      assert.ok(count <= 15, `${count} within a second`);
    }
    // Tokens are gathered: not each of them is a batch.
    assert.ok(world.receiver.sent.length <= 40, `${sizes(world)}`);
    const startAt = world.receiver.sent[0]?.at ?? 0;
    assert.ok((world.receiver.sent.at(-1)?.at ?? 0) - startAt >= 9 * S);
  });

  test('max_deliveries_per_connection, then max_connection_rate for the next', async () => {
    const shape = {
      ...FREE_SHAPE,
      maxDeliveriesPerConnection: 3,
      maxConnectionRate: perSecond(1, 1),
    };
    const world = begin({ shape });
    await world.runFor(1);
    commit(world, 7);
    await world.runFor(S / 2);
    assert.equal(taken(world), 'e1 e2 e3');
    assert.equal(world.shipper.status().state, 'pacing');
    await world.runFor(3 * S);
    assert.equal(taken(world), 'e1 e2 e3 e4 e5 e6 e7');
    assert.equal(world.receiver.connections, 3);
    assert.deepEqual(
      gaps(world).map((ms) => Math.round(ms / S)),
      [0, 0, 1, 0, 0, 1],
    );
  });

  test('a rate that is lifted lets go at once', async () => {
    const world = begin({
      shape: { ...FREE_SHAPE, maxMessageRate: { ...perSecond(1, 1), periodMs: 3_600 * S } },
    });
    commit(world, 3);
    await world.runFor(S);
    assert.equal(taken(world), 'e1');
    world.shipper.reshape(FREE_SHAPE);
    await world.runFor(10);
    assert.equal(taken(world), 'e1 e2 e3');
  });

  test('idle_timeout closes the connection, and the next batch opens another', async () => {
    const world = begin();
    commit(world, 1);
    await world.runFor(4 * S);
    assert.equal(world.receiver.closes, 0);
    await world.runFor(2 * S);
    assert.equal(world.receiver.closes, 1);
    commit(world, 1);
    await world.runFor(S);
    assert.deepEqual([taken(world), world.receiver.connections], ['e1 e2', 2]);
  });

  test('a connection that does not close is given up', async () => {
    const world = begin();
    commit(world, 1);
    await world.runFor(S);
    world.receiver.mood = { ...KIND, dies: 1 };
    await world.runFor(20 * S);
    assert.equal(world.shipper.status().state, 'watching');
    world.receiver.mood = { ...KIND };
    commit(world, 1);
    await world.runFor(S);
    assert.equal(taken(world), 'e1 e2');
  });

  test('max_ready bounds what is read ahead, though not below a batch', async () => {
    const shape = { ...FREE_SHAPE, maxReady: 30 };
    for (const [batchSize, most] of [
      [1, 30],
      [50, 50],
    ] as const) {
      const batching = { batchSize, minBatchSize: 1, maxBatchLatencyMs: 0 };
      const world = new HookWorld({ seed: 1, shape, batching });
      commit(world, 500);
      world.receiver.mood = { ...KIND, hangs: 1 };
      world.start();
      await world.runFor(S);
      assert.equal(world.shipper.status().ready, most);
    }
  });
});

describe('replay', () => {
  function replayOf(world: HookWorld, from: number, to: number) {
    const cursor = replayCursor({ fromPosition: from, toPosition: to }, world.log);
    assert.ok(typeof cursor === 'object');
    const shelf = new HookShelf(world.chance);
    const receiver = new Receiver(world.chance);
    const clock = world.clock;
    const parts: Omit<ReplayParts, 'cursor'> = {
      name: 'webhook',
      filter: EVERYTHING,
      batching: ONE_BY_ONE,
      shape: FREE_SHAPE,
      disable: {},
      isSaved: false,
      source: world.log,
      keeper: shelf.keeper(clock),
      letters: shelf.deadLetters(clock),
      makeSink: () => receiver.connect(clock),
      timers: {
        now: () => clock.now(),
        steadyMs: () => clock.steadyMs(),
        after: (ms, task) => clock.after(ms, task),
      },
      random: world.chance,
      tell: (news) => world.news.push(news),
    };
    return { shelf, receiver, parts, cursor: cursor as ReplayParts['cursor'] };
  }

  test('a span goes once more, marked, with the same ids, and the live cursor stays', async () => {
    const world = begin();
    commit(world, 20);
    await world.runFor(S);
    world.receiver.mood = { ...KIND, fails: 1 };
    commit(world, 2);
    await world.runFor(S);
    const { shelf, receiver, parts, cursor } = replayOf(world, 5, 9);
    let isThrough: boolean | undefined;
    startReplay({ ...parts, cursor }, (through) => {
      isThrough = through;
    });
    await world.runFor(S);
    assert.equal(receiver.taken.map(({ eventId }) => eventId).join(' '), 'e5 e6 e7 e8 e9');
    assert.ok(receiver.taken.every(({ isReplay }) => isReplay));
    assert.equal(isThrough, true);
    assert.equal(shelf.cursor, undefined, 'its cursor is forgotten');
    assert.equal(world.shelf.cursor?.position, 20);
    const told = world.news.filter(({ kind }) => kind === 'replayed');
    assert.deepEqual(told, [{ kind: 'replayed', records: 5 }]);
  });

  test('goes on where it was stopped, and a failing receiver does not end it', async () => {
    const world = begin();
    commit(world, 20);
    await world.runFor(S);
    const { shelf, receiver, parts, cursor } = replayOf(world, 1, 20);
    receiver.mood = { ...KIND, slowMs: 200 };
    const replay = startReplay({ ...parts, cursor }, () => {});
    await world.runFor(600);
    replay.stop(() => {});
    await world.runFor(S);
    const kept = shelf.cursor;
    assert.deepEqual([kept?.until, kept !== undefined && kept.position > 0], [20, true]);
    assert.ok(kept !== undefined, 'kept');
    assert.ok(kept.position < 20, 'not through');
    receiver.mood = { ...KIND, fails: 0.5 };
    let isThrough = false;
    startReplay({ ...parts, cursor: { ...kept, until: 20 }, isSaved: true }, (through) => {
      isThrough = through;
    });
    await world.runFor(600 * S);
    assert.equal(isThrough, true);
    const all = Array.from({ length: 20 }, (_one, index) => `e${index + 1}`);
    assert.deepEqual(
      receiver.taken.map(({ eventId }) => eventId),
      all,
    );
  });

  test('spans by instants, and those with nothing in them', async () => {
    const world = begin();
    const at = world.time.now;
    for (let second = 0; second < 10; second += 1) {
      commit(world, 1);
      await world.runFor(S);
    }
    const { log } = world;
    const span = replayCursor({ from: at + 2 * S, to: at + 5 * S }, log);
    assert.deepEqual(typeof span === 'object' && [span.position, span.until], [2, 5]);
    const later = replayCursor({ from: at + 60 * S, to: at + 70 * S }, log);
    assert.equal(later, 'there is nothing in that span of the log');
    log.fallOff(6);
    const gone = replayCursor({ from: at, to: at + 3 * S }, log);
    assert.equal(gone, 'that span of the log is gone already');
  });
});

test('a hook begins at the beginning, now, or at an instant', async () => {
  const world = begin();
  const at = world.time.now;
  for (let second = 0; second < 10; second += 1) {
    commit(world, 1);
    await world.runFor(S);
  }
  const { log } = world;
  assert.equal(firstCursor('beginning', log).position, 0);
  assert.equal(firstCursor('now', log).position, 10);
  assert.equal(firstCursor({ at: at + 4 * S }, log).position, 4);
  assert.equal(firstCursor({ at: at + 400 * S }, log).position, 10);
  log.fallOff(6);
  assert.equal(firstCursor('beginning', log).position, 6);
  assert.equal(firstCursor({ at: at + 4 * S }, log).position, 6);
});
