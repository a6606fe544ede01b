/**
 * Stories of one log hook that halts: by its own rule, by an operator, at a stop.
 * Deliberately unknown here: how a hook ships while all is well; see shipper.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLOSE_MS_MAX } from '../../src/projections/shipper/closing.ts';
import { levelOf } from '../../src/projections/shipper/news.ts';
import { ABORT_MS_MAX } from '../../src/projections/shipper/sending.ts';
import { KIND } from '../../src/testing/sinks/receiver.ts';
import { FREE_SHAPE } from '../world/hook-world.ts';
import { begin, commit, kinds, S, taken } from './shipper-kit.ts';

describe('a hook that stops itself', () => {
  test('after a spell of failures; records wait, and it goes on by hand', async () => {
    const world = begin({ disable: { failingMs: 30 * S } });
    world.receiver.mood = { ...KIND, fails: 1 };
    commit(world, 2);
    await world.runFor(120 * S);
    assert.equal(world.shipper.status().state, 'halted.disabled');
    assert.equal(world.shelf.cursor?.state, 'disabled');
    const disabled = world.news.find(({ kind }) => kind === 'disabled');
    assert.ok(disabled !== undefined && levelOf(disabled) === 'warn');
    const sent = world.receiver.sent.length;
    // A restart does not wake it.
    world.crash();
    world.start();
    await world.runFor(120 * S);
    assert.equal(world.receiver.sent.length, sent);
    assert.equal(world.shipper.status().state, 'halted.disabled');
    world.receiver.mood = { ...KIND };
    world.shipper.resume(() => {});
    await world.runFor(S);
    assert.equal(taken(world), 'e1 e2');
    assert.equal(world.shelf.cursor?.state, 'running');
  });

  test('after a spell of refusals: what comes then waits and is no dead letter', async () => {
    const world = begin({ disable: { failingMs: 30 * S } });
    world.receiver.mood = { ...KIND, refusesAll: 1 };
    for (let second = 0; second < 60; second += 1) {
      // One that is taken ends a spell.
      world.receiver.mood.refusesAll = second === 10 ? 0 : 1;
      commit(world, 1);
      await world.runFor(S);
    }
    assert.equal(world.shipper.status().state, 'halted.disabled');
    assert.equal(world.shelf.letters.length, 10 + 31);
    assert.match(world.shelf.cursor?.error ?? '', /31 records in a row were refused: status 400/);
  });

  test('after so many refusals in a row', async () => {
    const world = begin({ disable: { refusedMax: 3 } });
    world.receiver.mood = { ...KIND, refusesAll: 1 };
    commit(world, 10);
    await world.runFor(S);
    assert.equal(world.shipper.status().state, 'halted.disabled');
    assert.equal(world.shelf.letters.length, 3);
    assert.match(world.shelf.cursor?.error ?? '', /3 records in a row were refused: status 400/);
    assert.equal(world.receiver.closes, 1);
  });
});

describe('operators', () => {
  test('pause: the batch under way is finished, nothing follows, and it lasts', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, slowMs: 400 };
    commit(world, 3);
    await world.runFor(1);
    let said = 'nothing';
    world.shipper.pause((refusal) => {
      said = refusal ?? 'done';
    });
    await world.runFor(2 * S);
    assert.equal(said, 'done');
    assert.equal(taken(world), 'e1');
    assert.deepEqual([world.shelf.cursor?.state, world.shelf.cursor?.position], ['paused', 1]);
    world.crash();
    world.start();
    await world.runFor(100 * S);
    assert.equal(taken(world), 'e1');
    world.shipper.resume(() => {});
    await world.runFor(5 * S);
    assert.equal(taken(world), 'e1 e2 e3');
  });

  test('skip the batch that fails: dead letters, and the next goes at once', async () => {
    const world = begin({ batching: { batchSize: 2, minBatchSize: 2, maxBatchLatencyMs: S } });
    world.receiver.mood = { ...KIND, fails: 1 };
    commit(world, 4);
    await world.runFor(20 * S);
    world.receiver.mood = { ...KIND };
    let said: unknown;
    world.shipper.skip('batch', (count) => {
      said = count;
    });
    await world.runFor(10);
    assert.equal(said, 2);
    assert.equal(taken(world), 'e3 e4');
    const letters = world.shelf.letters.map(({ eventId, reason }) => `${eventId} ${reason}`);
    assert.deepEqual(letters, ['e1 skipped by an operator', 'e2 skipped by an operator']);
    assert.ok(kinds(world).includes('skipped'));
  });

  test('skip so many of a paused hook, more than there are, and odd numbers', async () => {
    const world = begin();
    const answers: unknown[] = [];
    const answered = (said: unknown): number => answers.push(said);
    world.shipper.pause(() => {});
    await world.runFor(10);
    commit(world, 1_300);
    world.shipper.skip(1_200, answered);
    world.shipper.skip(1, answered);
    await world.runFor(10);
    assert.deepEqual(answers, ['records are being skipped already', 1_200]);
    assert.equal(world.shelf.cursor?.position, 1_200);
    world.shipper.skip(200, answered);
    await world.runFor(10);
    world.shipper.skip(0, answered);
    world.shipper.skip(1.5, answered);
    assert.equal(answers[2], 100);
    assert.match(String(answers[3]) + String(answers[4]), /at least 1.*at least 1/);
    assert.equal(world.shipper.status().state, 'halted.paused');
    assert.equal(world.receiver.sent.length, 0);
  });

  test('what the receiver takes meanwhile is not given up', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, slowMs: 400 };
    commit(world, 1);
    await world.runFor(1);
    let said: unknown;
    world.shipper.skip('batch', (count) => {
      said = count;
    });
    await world.runFor(S);
    assert.equal(said, 0);
    assert.equal(taken(world), 'e1');
    assert.equal(world.shelf.letters.length, 0);
  });

  test('resume ends a wait after a failure', async () => {
    const world = begin({
      shape: { ...FREE_SHAPE, retryIntervalMs: 900 * S, maxRetryIntervalMs: 900 * S },
    });
    world.receiver.mood = { ...KIND, fails: 1 };
    commit(world, 1);
    await world.runFor(S);
    world.receiver.mood = { ...KIND };
    world.shipper.resume(() => {});
    await world.runFor(10);
    assert.equal(taken(world), 'e1');
  });

  test('a stop flushes what was being filled, and the rest waits in the log', async () => {
    const world = begin({
      batching: { batchSize: 10, minBatchSize: 9, maxBatchLatencyMs: 60 * S },
    });
    await world.runFor(10);
    commit(world, 2);
    await world.runFor(S);
    world.shipper.stop(() => {});
    await world.runFor(10);
    assert.equal(world.ended, 'stopped');
    assert.equal(taken(world), 'e1 e2');
    assert.equal(world.shelf.cursor?.position, 2);
    let refusal: string | undefined;
    world.shipper.pause((said) => {
      refusal = said;
    });
    assert.equal(refusal, 'the hook is being stopped');
  });

  test('a stop waits system_shutdown_timeout for a sink that hangs, and little more', async () => {
    const world = begin();
    world.receiver.mood = { ...KIND, dies: 1 };
    commit(world, 1);
    await world.runFor(S);
    world.shipper.stop(() => {});
    const boundMs = FREE_SHAPE.systemShutdownTimeoutMs + ABORT_MS_MAX + CLOSE_MS_MAX;
    await world.runFor(FREE_SHAPE.systemShutdownTimeoutMs - 1);
    assert.equal(world.ended, undefined);
    await world.runFor(boundMs);
    assert.equal(world.ended, 'stopped');
    assert.equal(world.shelf.cursor?.position, 0);
  });

  test('what a stop flushes has system_shutdown_timeout and no more', async () => {
    const world = begin({
      batching: { batchSize: 10, minBatchSize: 9, maxBatchLatencyMs: 60 * S },
    });
    await world.runFor(10);
    world.receiver.mood = { ...KIND, hangs: 1 };
    commit(world, 2);
    await world.runFor(S);
    world.shipper.stop(() => {});
    await world.runFor(FREE_SHAPE.systemShutdownTimeoutMs - 1);
    assert.equal(world.shipper.status().state, 'sending');
    await world.runFor(10);
    assert.equal(world.ended, 'stopped');
  });

  test('a stop does not wait for a disk that never answers', async () => {
    const world = begin();
    await world.runFor(10);
    world.shelf.disk.mood.slowMs = 3_600 * S;
    commit(world, 1);
    await world.runFor(S);
    assert.equal(world.shipper.status().state, 'saving');
    world.shipper.stop(() => {});
    await world.runFor(FREE_SHAPE.systemShutdownTimeoutMs + ABORT_MS_MAX + CLOSE_MS_MAX + 1);
    assert.equal(world.ended, 'stopped');
  });
});
