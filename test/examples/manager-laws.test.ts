/**
 * The gate of laws in the life cycle of versions, with all steps played by the test: what comes
 * into force after it, what it refuses, and what a stop or a start in the middle of it leaves.
 * Deliberately unknown here: processes, and laws.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';
import { LifeCycle } from '../../src/manager/life-cycle.ts';
import type { LifeCycleParts } from '../../src/manager/life-cycle-parts.ts';
import type { LawVerdict, ProofVerdict } from '../../src/manager/messages.ts';
import type { StepFailed, Steps } from '../../src/manager/steps.ts';
import type { Wanted } from '../../src/manager/supervisor-parts.ts';
import { until } from '../faults/scratch.ts';

let dir = '';
let store: PolicyStore;
let said: string[] = [];
let orders: string[] = [];
/** What the next load finds: the hash of the policy, its settings, or a refusal. */
let disk: { hash: string; settings: string } | { refusal: string } | { failure: string };
let proof: ProofVerdict | StepFailed;
/** Whether what lies on disk asks for the laws, which versions were held against them, and how. */
let hasLawGate = false;
let checked: number[] = [];
let verdict: LawVerdict | StepFailed;
let cycle: LifeCycle;

const steps: Steps = {
  load: async ({ source, reason }) => {
    if ('failure' in disk) return { kind: 'failed', code: 74, sentence: disk.failure };
    const at = Date.now();
    if ('refusal' in disk) {
      const number = store.addRefusal(at, source, reason, disk.refusal);
      return { kind: 'refused', number, sentence: disk.refusal };
    }
    const { hash, settings: settingsHash } = disk;
    const number = store.addCandidate({
      ...{ hash, source, reason, at, settingsHash, facts: {}, files: [] },
      ...{ code: `// ${hash}`, map: '{}', warnings: [] },
    });
    const monitor = { files: [], globs: [], intervalMs: 60_000 };
    const isSame = number === store.currentNumber();
    const about = { isSame, isSelfContained: true, hasLawGate, warnings: [] };
    return { kind: 'loaded', number, hash, settingsHash, monitor, ...about };
  },
  prove: async () => proof,
  checkLaws: async ({ number }) => {
    checked.push(number);
    return verdict;
  },
  warm: () => {},
  stop: () => {},
};

const worker = {
  use: async (use: Wanted) => {
    orders.push(`use ${use.version} epoch ${use.epoch}`);
  },
  want: (use: Wanted) => {
    orders.push(`want ${use.version} epoch ${use.epoch}`);
  },
  bump: async (epoch: number) => {
    orders.push(`bump ${epoch}`);
  },
  replace: () => {
    orders.push('replace');
  },
};

const partsOf = (own: Steps): LifeCycleParts => ({
  policy: { source: join(dir, 'policy.ts'), program: 'test', dir, steps: own, store },
  worker,
  log: (_level, text) => said.push(text),
  reloading: () => {},
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'waybill-life-'));
  store = openPolicyStore(dir, 'write');
  const source = join(dir, 'policy.ts');
  writeFileSync(source, '');
  [said, orders] = [[], []];
  disk = { hash: 'a', settings: 's' };
  proof = { kind: 'proved' };
  [hasLawGate, checked] = [false, []];
  verdict = { kind: 'held', sentence: '16 laws held in 9 runs of 1 s (seed 1)' };
  cycle = new LifeCycle(partsOf(steps));
});
afterEach(() => {
  cycle.stop();
  store.close();
  rmSync(dir, { recursive: true });
});

const load = (hash: string, settings = 's'): ReturnType<LifeCycle['reload']> => {
  disk = { hash, settings };
  return cycle.reload('test');
};

test('a version that asks for the laws comes into force after they have held', async () => {
  await cycle.start();
  hasLawGate = true;
  const held = '16 laws held in 9 runs of 1 s (seed 1)';
  const there = await load('b');
  assert.deepEqual(there, { kind: 'activated', version: 2, epoch: 2, held });
  assert.deepEqual(checked, [2]);
  assert.ok(said.includes(`version 2: ${held}`), said.join());
  await load('b');
  await cycle.activate(1);
  await cycle.activate(2);
  await load('b');
  assert.deepEqual(checked, [2], 'what was in force once is not held against them again');
});

test('what breaks a law is refused, and the store tells all of it', async () => {
  await cycle.start();
  hasLawGate = true;
  const account = 'two\nlines';
  verdict = { kind: 'refused', number: 2, sentence: 'conservation is broken', account };
  const refused = await load('b');
  const sentence = 'the laws: conservation is broken';
  assert.deepEqual(refused, { kind: 'refused', number: 2, sentence, account, code: 78 });
  assert.equal(cycle.status.version, 1);
  assert.equal(store.list(1)[0]?.sentence, `conservation is broken\n\n${account}`);
  assert.match(said.at(-1) ?? '', /^the laws: conservation is broken; version 1 stays in force$/);
  verdict = { kind: 'failed', code: 78, sentence: 'the check of laws ended by SIGKILL' };
  const failed = await load('c');
  assert.equal(failed.kind === 'refused' && failed.sentence, verdict.sentence);
  assert.equal(cycle.status.version, 1);
});

test('a start does not wait for the laws while something was in force', async () => {
  hasLawGate = true;
  await cycle.start();
  assert.deepEqual(checked, [1], 'nothing else could take mail meanwhile');
  const again = new LifeCycle(partsOf(steps));
  disk = { hash: 'b', settings: 's' };
  verdict = { kind: 'refused', number: 2, sentence: 'conservation is broken' };
  orders = [];
  assert.equal(await again.start(), undefined);
  assert.deepEqual([orders, checked], [['use 1 epoch 1'], [1]]);
  again.settle();
  await again.reload('after it');
  assert.deepEqual(checked, [1, 2, 3]);
  assert.deepEqual([again.status.version, store.currentNumber()], [1, 1]);
  again.stop();
});

test('a candidate that a stop kept from the laws meets them when it is activated', async () => {
  await cycle.start();
  hasLawGate = true;
  const never = new Promise<never>(() => {});
  const cut = new LifeCycle(partsOf({ ...steps, checkLaws: () => never }));
  await cut.start();
  disk = { hash: 'b', settings: 's' };
  cut.reload('cut short').catch(() => {});
  await until(() => store.find(2)?.state === 'candidate', 5_000);
  verdict = { kind: 'refused', number: 2, sentence: 'conservation is broken' };
  const refused = await cycle.activate(2);
  assert.equal(refused.kind, 'refused');
  assert.deepEqual([checked, store.currentNumber()], [[2], 1]);
  cut.stop();
});
