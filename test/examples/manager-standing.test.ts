/**
 * A start on what stands proved already: the version in force is used at once where this program
 * proved it and none of its files is another, and is looked at again when mail is taken. Loader and
 * canary are played by the test; store and files are real.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';
import { LifeCycle } from '../../src/manager/life-cycle.ts';
import type { LoadVerdict } from '../../src/manager/messages.ts';
import type { StepFailed, Steps } from '../../src/manager/steps.ts';
import type { Wanted } from '../../src/manager/supervisor-parts.ts';

const TEXTS = { 'policy.ts': 'export default 1;', 'data/sources.toml': '[source.a]' };

let dir = '';
let store: PolicyStore;
let loads = 0;
let isSelfContained = true;
let verdict: (number: number) => LoadVerdict | StepFailed;
let orders: string[] = [];
let told: string[] = [];

const loaded = (number: number): LoadVerdict => ({
  ...{ kind: 'loaded', number, hash: `hash ${number}`, settingsHash: 's', isSame: false },
  isSelfContained,
  hasLawGate: false,
  ...{ monitor: { files: [], globs: [], intervalMs: 60_000 }, warnings: [] },
});

const addVersion = (facts: Record<string, string> = {}): number => {
  const files = Object.entries(TEXTS).map(([path, text]) => {
    return { path, text, sha256: createHash('sha256').update(text).digest('hex') };
  });
  return store.addCandidate({
    ...{ hash: 'a', source: join(dir, 'policy.ts'), reason: 'test', at: 1, settingsHash: 's' },
    ...{ code: '', map: '', files, facts, warnings: [] },
  });
};

const steps: Steps = {
  load: async () => {
    loads += 1;
    return verdict(addVersion());
  },
  prove: async () => ({ kind: 'proved' }),
  checkLaws: async () => ({ kind: 'held', sentence: '' }),
  warm: () => {},
  stop: () => {},
};

const worker = {
  use: async ({ version }: Wanted) => {
    orders.push(`use ${version}`);
  },
  want: () => {},
  bump: async () => {
    orders.push('bump');
  },
  replace: () => {},
};

const makeCycle = (program = 'this one'): LifeCycle => {
  const policy = { source: join(dir, 'policy.ts'), program, dir, steps, store };
  return new LifeCycle({
    policy,
    worker,
    log: (_level, text) => told.push(text),
    reloading: () => {},
  });
};

const begin = async (program?: string): Promise<LifeCycle> => {
  const cycle = makeCycle(program);
  await cycle.start();
  return cycle;
};

/** The check of a quick start is one turn of the life cycle; whatever is asked next comes after. */
const settle = async (cycle: LifeCycle): Promise<void> => {
  cycle.settle();
  await cycle.activate(999);
  cycle.stop();
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'waybill-standing-'));
  store = openPolicyStore(dir, 'write');
  writeFileSync(join(dir, 'policy.ts'), TEXTS['policy.ts']);
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/sources.toml'), TEXTS['data/sources.toml']);
  [verdict, isSelfContained] = [loaded, true];
  (await begin()).stop();
  [loads, orders, told] = [0, [], []];
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true });
});

test('what stands proved is used at once, and looked at when mail is taken', async () => {
  const cycle = await begin();
  assert.deepEqual([orders, loads], [['use 1'], 0]);
  await settle(cycle);
  assert.deepEqual([orders, loads], [['use 1'], 1], 'looked at, found the same, no epoch for it');
  assert.equal(cycle.counters.activations, 0);
});

test('a look that finds something else puts it in force', async () => {
  const cycle = await begin();
  verdict = () => loaded(addVersion({ mx: 'another answer' }));
  await settle(cycle);
  assert.deepEqual(orders, ['use 1', 'use 2']);
  assert.equal(store.currentNumber(), 2);
});

test('a look that refuses is told, and what runs goes on running', async () => {
  const cycle = await begin();
  verdict = () => ({ kind: 'refused', number: 2, sentence: 'the variable KEY is gone' });
  await settle(cycle);
  assert.deepEqual(orders, ['use 1']);
  assert.match(told.join('\n'), /the variable KEY is gone; version 1 stays in force/);
  assert.equal(cycle.counters.refusals, 1);
});

test('any file that is another, or gone, or another program, asks for the whole way', async () => {
  const data = join(dir, 'data/sources.toml');
  writeFileSync(data, '[source.b]');
  (await begin()).stop();
  rmSync(data);
  (await begin()).stop();
  writeFileSync(data, TEXTS['data/sources.toml']);
  (await begin('a newer one')).stop();
  assert.equal(loads, 3);
  (await begin('a newer one')).stop();
  assert.equal(loads, 3, 'who proved it was remembered');
});

test('a policy whose files do not say all is never used unjudged', async () => {
  const cycle = await begin();
  isSelfContained = false;
  verdict = () => loaded(addVersion({ mx: 'another answer' }));
  await settle(cycle);
  [loads, orders] = [0, []];
  (await begin()).stop();
  assert.deepEqual([orders, loads], [['use 2'], 1]);
});

test('what was activated by hand is judged again at the next start', async () => {
  const cycle = await begin();
  verdict = () => loaded(addVersion({ mx: 'another answer' }));
  cycle.settle();
  await cycle.activate(1);
  cycle.stop();
  assert.deepEqual(orders, ['use 1', 'use 2', 'use 1']);
  assert.equal(store.inForce()?.program, '');
});

test('a refused edit is refused again at the next start: it is not what stands', async () => {
  writeFileSync(join(dir, 'policy.ts'), 'throw 1');
  verdict = () => ({ kind: 'refused', number: 2, sentence: 'line 1 throws' });
  const cycle = makeCycle();
  assert.match((await cycle.start())?.sentence ?? '', /line 1 throws/);
  assert.deepEqual(orders, []);
});
