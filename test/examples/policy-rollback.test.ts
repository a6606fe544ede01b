/**
 * Going back to the version before: which one that is after whatever came before, what is said
 * where there is none, and what a proof that fails leaves. The store is the real one; loader,
 * canary and worker are played.
 * Deliberately unknown here: processes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import type { Activation } from '../../src/domain/going-back.ts';
import { pileVersions } from '../../src/domain/going-back.ts';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';
import { LifeCycle } from '../../src/manager/life-cycle.ts';
import type { ProofVerdict } from '../../src/manager/messages.ts';
import type { Steps } from '../../src/manager/steps.ts';
import type { Wanted } from '../../src/manager/supervisor-parts.ts';

let dir = '';
let store: PolicyStore;
let wanted: Wanted | undefined;
let hash = '';
let proof: ProofVerdict;
let cycle: LifeCycle;

const steps: Steps = {
  load: async ({ source, reason }) => {
    const number = store.addCandidate({
      ...{ hash, source, reason, at: 1, settingsHash: 's', facts: {}, files: [] },
      ...{ code: `// ${hash}`, map: '{}', warnings: [] },
    });
    const monitor = { files: [], globs: [], intervalMs: 60_000 };
    const about = { isSelfContained: true, hasLawGate: false, warnings: [] };
    const isSame = number === store.currentNumber();
    return { kind: 'loaded', number, hash, settingsHash: 's', monitor, isSame, ...about };
  },
  prove: async () => proof,
  checkLaws: async () => ({ kind: 'held', sentence: '' }),
  warm: () => {},
  stop: () => {},
};

const worker = {
  use: async (use: Wanted) => {
    wanted = use;
  },
  want: (use: Wanted) => {
    wanted = use;
  },
  bump: async () => {},
  replace: () => {},
};

const begin = (): LifeCycle =>
  new LifeCycle({
    ...{ worker, log: () => {}, reloading: () => {} },
    policy: { source: join(dir, 'policy.ts'), program: 'test', dir, steps, store },
  });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'waybill-rollback-'));
  store = openPolicyStore(dir, 'write');
  writeFileSync(join(dir, 'policy.ts'), '');
  [wanted, hash, proof] = [undefined, 'a', { kind: 'proved' }];
  cycle = begin();
});
afterEach(() => {
  cycle.stop();
  store.close();
  rmSync(dir, { recursive: true });
});

const edit = async (text: string): Promise<void> => {
  hash = text;
  const done = await cycle.reload('test');
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
  assert.equal(wanted?.version, 2);
  assert.equal(wanted?.reason, 'version 3 was rolled back to 2 by ann: wrong port');
  assert.equal(store.currentNumber(), 2);
});

test('twice goes back twice, never forward, and then there is nothing', async () => {
  await startWithThree();
  assert.deepEqual([await rollBack(), await rollBack()], [2, 1]);
  assert.match(String(await rollBack()), /^no other version was in force before version 1; /);
  assert.equal(store.currentNumber(), 1);
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
  assert.equal(store.currentNumber(), 2);
  assert.equal(await rollBack(), 1);
});

test('what was in force before is known to the next life, and the files win there', async () => {
  await startWithThree();
  await rollBack();
  cycle.stop();
  cycle = begin();
  await cycle.start();
  assert.equal(store.currentNumber(), 3);
  assert.deepEqual([await rollBack(), await rollBack()], [2, 1]);
});

test('a canary that refuses leaves what is in force, and the refusal is counted', async () => {
  await startWithThree();
  proof = { kind: 'refused', number: 2, sentence: 'its key is gone' };
  assert.match(String(await rollBack()), /^the canary refused it: its key is gone/);
  assert.equal(store.currentNumber(), 3);
  assert.equal(cycle.counters.refusals, 1);
  proof = { kind: 'proved' };
  assert.equal(await rollBack(), 2, 'it may be tried again');
});

test('looking changes nothing', async () => {
  await startWithThree();
  const found = cycle.findBefore();
  assert.equal(found.kind === 'chosen' && found.version.number, 2);
  assert.equal(store.currentNumber(), 3);
});

test('the embedded policy has nothing to go back to', async () => {
  const parts = { worker, log: () => {}, reloading: () => {} };
  const embedded = new LifeCycle({ policy: undefined, ...parts });
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
