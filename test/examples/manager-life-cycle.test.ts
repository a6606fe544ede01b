/**
 * The life cycle of versions with loader, canary and worker played by the test: what is put in
 * force, what is refused, what a crash costs. The store is the real one.
 * Deliberately unknown here: processes.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CHANGED, LifeCycle } from '../../src/manager/life-cycle.ts';
import { LifeCycleStage } from './life-cycle-stage.ts';

let stage: LifeCycleStage;
beforeEach(() => {
  stage = new LifeCycleStage();
});
afterEach(() => stage.end());

/** Versions 1 and 2, both with a worker that took mail. */
const startWithTwo = async (): Promise<void> => {
  await stage.cycle.start();
  stage.cycle.fit(1);
  await stage.load('b');
  stage.cycle.fit(2);
  stage.orders = [];
};

const hang = (version: number): void =>
  stage.cycle.crashed({ version, sentence: 'it hung', hungIn: 'get_queue_config' });

test('a start puts the version in force and tells the worker', async () => {
  assert.equal(await stage.cycle.start(), undefined);
  assert.deepEqual(stage.orders, ['use 1 epoch 1']);
  assert.equal(stage.store.currentNumber(), 1);
});

test('a start that is refused tells the worker nothing', async () => {
  stage.disk = { refusal: 'line 3 is wrong' };
  const refusal = await stage.cycle.start();
  assert.equal(refusal?.code, 78);
  assert.match(refusal?.sentence ?? '', /^the policy-loader refused the policy: line 3 is wrong$/);
  assert.deepEqual(stage.orders, []);
});

test('a start whose canary refuses names the canary and leaves nothing in force', async () => {
  stage.proof = { kind: 'refused', number: 1, sentence: 'no such pool' };
  const refusal = await stage.cycle.start();
  assert.match(refusal?.sentence ?? '', /canary.*no such pool/);
  assert.equal(stage.store.currentNumber(), undefined);
  assert.equal(stage.store.list(1)[0]?.state, 'refused');
});

test('a start whose store fails has the exit code of that', async () => {
  stage.disk = { failure: 'the disk is gone' };
  assert.equal((await stage.cycle.start())?.code, 74);
});

test('a reload of something new is a version, of the same only an epoch', async () => {
  await stage.cycle.start();
  assert.deepEqual(await stage.load('b'), { kind: 'activated', version: 2, epoch: 2 });
  assert.deepEqual(await stage.load('b'), { kind: 'unchanged', version: 2, epoch: 3 });
  assert.deepEqual(stage.orders, ['use 1 epoch 1', 'use 2 epoch 2', 'bump 3']);
  assert.deepEqual(stage.cycle.counters, { activations: 2, refusals: 0 });
});

test('other settings replace the worker', async () => {
  await stage.cycle.start();
  await stage.load('b', 'other listeners');
  assert.deepEqual(stage.orders.slice(1), ['want 2 epoch 2', 'replace']);
});

test('whoever watches hears of each reload when it begins and when it is over', async () => {
  await stage.cycle.start();
  assert.deepEqual(stage.reloads, [], 'a start is no reload');
  await stage.load('b');
  assert.deepEqual(stage.reloads, ['begun after 1', 'over after 2']);
  stage.disk = { refusal: 'line 3 is wrong' };
  await stage.cycle.reload('test');
  assert.deepEqual(stage.reloads.slice(2), ['begun after 2', 'over after 2']);
  stage.disk = { failure: 'no disk' };
  await stage.cycle.reload('test').catch(() => {});
  await stage.cycle.activate(1);
  assert.deepEqual(stage.reloads.slice(4), [
    'begun after 2',
    'over after 2',
    'begun after 2',
    'over after 3',
  ]);
});

test('a refusal by either step leaves everything as it was and is told once', async () => {
  await stage.cycle.start();
  stage.disk = { refusal: 'line 3 is wrong' };
  assert.equal((await stage.cycle.reload('test')).kind, 'refused');
  stage.proof = { kind: 'refused', number: 3, sentence: 'no such pool' };
  assert.equal((await stage.load('c')).kind, 'refused');
  assert.deepEqual(stage.orders, ['use 1 epoch 1']);
  assert.equal(stage.wanted?.version, 1);
  assert.equal(stage.store.currentNumber(), 1);
  assert.deepEqual(stage.cycle.counters, { activations: 1, refusals: 2 });
  assert.equal(stage.said.length, 2);
  assert.match(stage.cycle.status.lastRefusal?.sentence ?? '', /no such pool/);
});

test('reloads asked for while one runs are one more', async () => {
  await stage.cycle.start();
  const answers = await Promise.all([1, 2, 3, 4].map(() => stage.cycle.reload('test')));
  assert.deepEqual([...new Set(answers.map((one) => 'epoch' in one && one.epoch))], [2]);
  const running = stage.cycle.reload('first');
  await new Promise((resolve) => setImmediate(resolve));
  const later = await Promise.all([
    stage.cycle.reload('second'),
    stage.cycle.reload('third'),
    running,
  ]);
  assert.deepEqual(
    later.map((one) => 'epoch' in one && one.epoch),
    [4, 4, 3],
  );
});

test('an earlier version is activated after the canary proved it again', async () => {
  await startWithTwo();
  const there = { kind: 'activated', version: 1, epoch: 3, from: 2, onDisk: 2 };
  assert.deepEqual(await stage.cycle.activate(1, { by: 'ann', cause: 'too\nfast' }), there);
  assert.equal(stage.wanted?.reason, 'version 1 was activated by ann: too fast');
  stage.proof = { kind: 'refused', number: 2, sentence: 'its key is gone' };
  assert.equal((await stage.cycle.activate(2)).kind, 'refused');
  assert.equal((await stage.cycle.activate(77)).kind, 'refused');
  assert.deepEqual(stage.orders, ['use 1 epoch 3']);
});

test('a file that is no part of the policy does not undo a version activated by hand', async () => {
  await startWithTwo();
  await stage.cycle.activate(1);
  assert.deepEqual(await stage.cycle.reload(CHANGED), { kind: 'unchanged', version: 1, epoch: 4 });
  assert.equal(stage.store.currentNumber(), 1);
  assert.equal(
    (await stage.cycle.reload('SIGHUP')).kind,
    'activated',
    'who asks for the files gets them',
  );
  assert.equal(stage.store.currentNumber(), 2);
  await stage.cycle.activate(1);
  stage.disk = { hash: 'c', settings: 's' };
  assert.deepEqual(await stage.cycle.reload(CHANGED), { kind: 'activated', version: 3, epoch: 7 });
});

test('one hang is a crash; the second gives way to the version before', async () => {
  await startWithTwo();
  hang(2);
  assert.deepEqual(stage.orders, []);
  hang(2);
  assert.deepEqual(stage.orders, ['want 1 epoch 3']);
  assert.match(stage.wanted?.reason ?? '', /version 2 hung twice .* handler get_queue_config/);
  assert.equal(stage.store.currentNumber(), 1);
});

test('hangs far apart, and hangs with nothing before, change nothing', async (context) => {
  await stage.cycle.start();
  stage.cycle.fit(1);
  hang(1);
  hang(1);
  assert.match(stage.said.at(-1) ?? '', /no version before/);
  await stage.load('b');
  stage.cycle.fit(2);
  const now = Date.now();
  context.mock.timers.enable({ apis: ['Date'], now });
  hang(2);
  context.mock.timers.setTime(now + 600_001);
  hang(2);
  assert.equal(stage.wanted?.version, 2);
});

test('a version with which no worker comes up gives way; a plain crash does not', async () => {
  await stage.cycle.start();
  stage.cycle.fit(1);
  await stage.load('b', 'other listeners');
  stage.cycle.crashed({ version: 2, sentence: 'port in use', hungIn: undefined });
  assert.equal(stage.wanted?.version, 1);
  stage.cycle.crashed({ version: 1, sentence: 'a bug', hungIn: undefined });
  assert.equal(stage.store.currentNumber(), 1);
  assert.match(stage.said.join('\n'), /no worker came up with version 2: port in use/);
});

test('a later epoch of the books is gone on from', async () => {
  await stage.cycle.start();
  stage.cycle.using(41);
  await stage.cycle.reload('test');
  assert.equal(stage.orders.at(-1), 'bump 42');
});

test('the embedded policy has no versions; a reload is an epoch', async () => {
  const { worker } = stage;
  const embedded = new LifeCycle({ policy: undefined, worker, log: () => {}, reloading: () => {} });
  await embedded.start();
  assert.deepEqual(await embedded.reload('test'), { kind: 'unchanged', version: 0, epoch: 2 });
  assert.equal((await embedded.activate(1)).kind, 'refused');
  assert.equal(embedded.status.source, 'embedded');
});
