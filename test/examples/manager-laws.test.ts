/**
 * The gate of laws in the life cycle of versions, with all steps played by the test: what comes
 * into force after it, what it refuses, and what a stop or a start in the middle of it leaves.
 * Deliberately unknown here: processes, and laws.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { LifeCycle } from '../../src/manager/life-cycle.ts';
import { until } from '../faults/scratch.ts';
import { LifeCycleStage } from './life-cycle-stage.ts';

let stage: LifeCycleStage;
beforeEach(() => {
  stage = new LifeCycleStage();
  stage.verdict = { kind: 'held', sentence: '20 laws held in 9 runs of 1 s (seed 1)' };
});
afterEach(() => stage.end());

test('a version that asks for the laws comes into force after they have held', async () => {
  await stage.cycle.start();
  stage.hasLawGate = true;
  const held = '20 laws held in 9 runs of 1 s (seed 1)';
  const there = await stage.load('b');
  assert.deepEqual(there, { kind: 'activated', version: 2, epoch: 2, held });
  assert.deepEqual(stage.checked, [2]);
  assert.ok(stage.said.includes(`version 2: ${held}`), stage.said.join());
  await stage.load('b');
  await stage.cycle.activate(1);
  await stage.cycle.activate(2);
  await stage.load('b');
  assert.deepEqual(stage.checked, [2], 'what was in force once is not held against them again');
});

test('what breaks a law is refused, and the store tells all of it', async () => {
  await stage.cycle.start();
  stage.hasLawGate = true;
  const account = 'two\nlines';
  stage.verdict = { kind: 'refused', number: 2, sentence: 'conservation is broken', account };
  const refused = await stage.load('b');
  const sentence = 'the laws: conservation is broken';
  assert.deepEqual(refused, { kind: 'refused', number: 2, sentence, account, code: 78 });
  assert.equal(stage.cycle.status.version, 1);
  assert.equal(stage.store.list(1)[0]?.sentence, `conservation is broken\n\n${account}`);
  assert.match(
    stage.said.at(-1) ?? '',
    /^the laws: conservation is broken; version 1 stays in force$/,
  );
  stage.verdict = { kind: 'failed', code: 78, sentence: 'the check of laws ended by SIGKILL' };
  const failed = await stage.load('c');
  assert.equal(failed.kind === 'refused' && failed.sentence, stage.verdict.sentence);
  assert.equal(stage.cycle.status.version, 1);
});

test('a start does not wait for the laws while something was in force', async () => {
  stage.hasLawGate = true;
  await stage.cycle.start();
  assert.deepEqual(stage.checked, [1], 'nothing else could take mail meanwhile');
  const again = new LifeCycle(stage.partsOf());
  stage.disk = { hash: 'b', settings: 's' };
  stage.verdict = { kind: 'refused', number: 2, sentence: 'conservation is broken' };
  stage.orders = [];
  assert.equal(await again.start(), undefined);
  assert.deepEqual([stage.orders, stage.checked], [['use 1 epoch 1'], [1]]);
  again.settle();
  await again.reload('after it');
  assert.deepEqual(stage.checked, [1, 2, 3]);
  assert.deepEqual([again.status.version, stage.store.currentNumber()], [1, 1]);
  again.stop();
});

test('a candidate that a stop kept from the laws meets them when it is activated', async () => {
  await stage.cycle.start();
  stage.hasLawGate = true;
  const never = new Promise<never>(() => {});
  const cut = new LifeCycle(stage.partsOf({ checkLaws: () => never }));
  await cut.start();
  stage.disk = { hash: 'b', settings: 's' };
  cut.reload('cut short').catch(() => {});
  await until(() => stage.store.find(2)?.state === 'candidate', 5_000);
  stage.verdict = { kind: 'refused', number: 2, sentence: 'conservation is broken' };
  const refused = await stage.cycle.activate(2);
  assert.equal(refused.kind, 'refused');
  assert.deepEqual([stage.checked, stage.store.currentNumber()], [[2], 1]);
  cut.stop();
});
