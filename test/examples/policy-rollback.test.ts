/**
 * Going back to the version before: which one that is after whatever came before, what is said
 * where there is none, and what a proof that fails leaves. The store is the real one; loader,
 * canary and worker are played.
 * Deliberately unknown here: processes.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import type { Activation } from '../../src/domain/going-back.ts';
import { pileVersions } from '../../src/domain/going-back.ts';
import { LifeCycle } from '../../src/manager/life-cycle.ts';
import { LifeCycleStage } from './life-cycle-stage.ts';

let stage: LifeCycleStage;
/** The life cycle that is asked; another than the stage's own where a life has ended. */
let cycle: LifeCycle;

beforeEach(() => {
  stage = new LifeCycleStage();
  cycle = stage.cycle;
});
afterEach(() => {
  cycle.stop();
  stage.end();
});

const edit = async (hash: string): Promise<void> => {
  const done = await stage.load(hash);
  assert.equal(done.kind, 'activated');
  if (done.kind === 'activated') cycle.fit(done.version);
};

/** Versions 1, 2 and 3, each in force after the other. */
const startWithThree = async (): Promise<void> => {
  await cycle.start();
  cycle.fit(1);
  await edit('b');
  await edit('c');
};

const rollBack = async (): Promise<number | string> => {
  const done = await cycle.rollBack();
  return done.kind === 'refused' ? done.sentence : done.version;
};

test('the version before comes back, and the log is told from which, by whom and why', async () => {
  await startWithThree();
  const done = await cycle.rollBack({ by: 'ann', cause: 'wrong port' });
  assert.deepEqual(done, { kind: 'activated', version: 2, epoch: 4, from: 3, onDisk: 3 });
  assert.equal(stage.wanted?.version, 2);
  assert.equal(stage.wanted?.reason, 'version 3 was rolled back to 2 by ann: wrong port');
  assert.equal(stage.store.currentNumber(), 2);
});

test('twice goes back twice, never forward, and then there is nothing', async () => {
  await startWithThree();
  assert.deepEqual([await rollBack(), await rollBack()], [2, 1]);
  assert.match(String(await rollBack()), /^no other version was in force before version 1; /);
  assert.equal(stage.store.currentNumber(), 1);
  assert.equal(cycle.counters.refusals, 0, 'a question without an answer is no refused policy');
});

test('an edit after it is gone back from to where it was made', async () => {
  await startWithThree();
  await rollBack();
  await edit('d');
  assert.deepEqual([await rollBack(), await rollBack()], [2, 1]);
});

test('an activation by number is undone, also one of an older version', async () => {
  await startWithThree();
  await cycle.activate(1);
  assert.deepEqual([await rollBack(), await rollBack()], [3, 2]);
});

test('a version that gave way by itself is not gone back to', async () => {
  await startWithThree();
  const hang = () => cycle.crashed({ version: 3, sentence: 'hung', hungIn: 'get_queue_config' });
  hang();
  hang();
  assert.equal(stage.store.currentNumber(), 2);
  assert.equal(await rollBack(), 1);
});

test('what was in force before is known to the next life, and the files win there', async () => {
  await startWithThree();
  await rollBack();
  cycle.stop();
  cycle = new LifeCycle(stage.partsOf());
  await cycle.start();
  assert.equal(stage.store.currentNumber(), 3);
  assert.deepEqual([await rollBack(), await rollBack()], [2, 1]);
});

test('a canary that refuses leaves what is in force, and the refusal is counted', async () => {
  await startWithThree();
  stage.proof = { kind: 'refused', number: 2, sentence: 'its key is gone' };
  assert.match(String(await rollBack()), /^the canary refused it: its key is gone/);
  assert.equal(stage.store.currentNumber(), 3);
  assert.equal(cycle.counters.refusals, 1);
  stage.proof = { kind: 'proved' };
  assert.equal(await rollBack(), 2, 'it may be tried again');
});

test('looking changes nothing', async () => {
  await startWithThree();
  const found = cycle.findBefore();
  assert.equal(found.kind === 'chosen' && found.version.number, 2);
  assert.equal(stage.store.currentNumber(), 3);
});

test('the embedded policy has nothing to go back to', async () => {
  const embedded = new LifeCycle({ ...stage.partsOf(), policy: undefined });
  await embedded.start();
  const done = await embedded.rollBack();
  assert.match(done.kind === 'refused' ? done.sentence : '', /embedded policy, which has no ver/);
});

test('whatever happened: the last is in force, and going back ends at the first', () => {
  const step = fc.record({ version: fc.integer({ min: 1, max: 5 }), isReturn: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const all: Activation[] = [...steps];
      const pile = pileVersions(all);
      assert.equal(pile.at(-1), all.at(-1)?.version);
      for (let left = pile.length; left > 1; left -= 1) {
        const before = pile[left - 2] as number;
        all.push({ version: before, isReturn: true });
        assert.deepEqual(pileVersions(all), pile.slice(0, left - 1));
      }
    }),
  );
});
