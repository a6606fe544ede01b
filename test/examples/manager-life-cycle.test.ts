/**
 * The life cycle of versions with loader, canary and worker played by the test: what is put in
 * force, what is refused, what a crash costs. The store is the real one.
 * Deliberately unknown here: processes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';
import { CHANGED, LifeCycle } from '../../src/manager/life-cycle.ts';
import type { LifeCycleParts } from '../../src/manager/life-cycle-parts.ts';
import type { ProofVerdict } from '../../src/manager/messages.ts';
import type { StepFailed, Steps } from '../../src/manager/steps.ts';
import type { Wanted } from '../../src/manager/supervisor-parts.ts';

let dir = '';
let store: PolicyStore;
let said: string[] = [];
let orders: string[] = [];
let wanted: Wanted | undefined;
/** What the next load finds: the hash of the policy, its settings, or a refusal. */
let disk: { hash: string; settings: string } | { refusal: string } | { failure: string };
let proof: ProofVerdict | StepFailed;
let reloads: string[] = [];
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
    const about = { isSame, isSelfContained: true, hasLawGate: false, warnings: [] };
    return { kind: 'loaded', number, hash, settingsHash, monitor, ...about };
  },
  prove: async () => proof,
  checkLaws: async () => ({ kind: 'held', sentence: '' }),
  warm: () => {},
  stop: () => {},
};

const worker = {
  use: async (use: Wanted) => {
    wanted = use;
    orders.push(`use ${use.version} epoch ${use.epoch}`);
  },
  want: (use: Wanted) => {
    wanted = use;
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
  reloading: (isOn) => reloads.push(`${isOn ? 'begun' : 'over'} after ${orders.length}`),
});

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'waybill-life-'));
  store = openPolicyStore(dir, 'write');
  const source = join(dir, 'policy.ts');
  writeFileSync(source, '');
  [said, orders, reloads, wanted] = [[], [], [], undefined];
  disk = { hash: 'a', settings: 's' };
  proof = { kind: 'proved' };
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

/** Versions 1 and 2, both with a worker that took mail. */
const startWithTwo = async (): Promise<void> => {
  await cycle.start();
  cycle.fit(1);
  await load('b');
  cycle.fit(2);
  orders = [];
};

const hang = (version: number): void =>
  cycle.crashed({ version, sentence: 'it hung', hungIn: 'get_queue_config' });

test('a start puts the version in force and tells the worker', async () => {
  assert.equal(await cycle.start(), undefined);
  assert.deepEqual(orders, ['use 1 epoch 1']);
  assert.equal(store.currentNumber(), 1);
});

test('a start that is refused tells the worker nothing', async () => {
  disk = { refusal: 'line 3 is wrong' };
  const refusal = await cycle.start();
  assert.equal(refusal?.code, 78);
  assert.match(refusal?.sentence ?? '', /^the policy-loader refused the policy: line 3 is wrong$/);
  assert.deepEqual(orders, []);
});

test('a start whose canary refuses names the canary and leaves nothing in force', async () => {
  proof = { kind: 'refused', number: 1, sentence: 'no such pool' };
  const refusal = await cycle.start();
  assert.match(refusal?.sentence ?? '', /canary.*no such pool/);
  assert.equal(store.currentNumber(), undefined);
  assert.equal(store.list(1)[0]?.state, 'refused');
});

test('a start whose store fails has the exit code of that', async () => {
  disk = { failure: 'the disk is gone' };
  assert.equal((await cycle.start())?.code, 74);
});

test('a reload of something new is a version, of the same only an epoch', async () => {
  await cycle.start();
  assert.deepEqual(await load('b'), { kind: 'activated', version: 2, epoch: 2 });
  assert.deepEqual(await load('b'), { kind: 'unchanged', version: 2, epoch: 3 });
  assert.deepEqual(orders, ['use 1 epoch 1', 'use 2 epoch 2', 'bump 3']);
  assert.deepEqual(cycle.counters, { activations: 2, refusals: 0 });
});

test('other settings replace the worker', async () => {
  await cycle.start();
  await load('b', 'other listeners');
  assert.deepEqual(orders.slice(1), ['want 2 epoch 2', 'replace']);
});

test('whoever watches hears of each reload when it begins and when it is over', async () => {
  await cycle.start();
  assert.deepEqual(reloads, [], 'a start is no reload');
  await load('b');
  assert.deepEqual(reloads, ['begun after 1', 'over after 2']);
  disk = { refusal: 'line 3 is wrong' };
  await cycle.reload('test');
  assert.deepEqual(reloads.slice(2), ['begun after 2', 'over after 2']);
  disk = { failure: 'no disk' };
  await cycle.reload('test').catch(() => {});
  await cycle.activate(1);
  assert.deepEqual(reloads.slice(4), [
    'begun after 2',
    'over after 2',
    'begun after 2',
    'over after 3',
  ]);
});

test('a refusal by either step leaves everything as it was and is told once', async () => {
  await cycle.start();
  disk = { refusal: 'line 3 is wrong' };
  assert.equal((await cycle.reload('test')).kind, 'refused');
  proof = { kind: 'refused', number: 3, sentence: 'no such pool' };
  assert.equal((await load('c')).kind, 'refused');
  assert.deepEqual(orders, ['use 1 epoch 1']);
  assert.equal(wanted?.version, 1);
  assert.equal(store.currentNumber(), 1);
  assert.deepEqual(cycle.counters, { activations: 1, refusals: 2 });
  assert.equal(said.length, 2);
  assert.match(cycle.status.lastRefusal?.sentence ?? '', /no such pool/);
});

test('reloads asked for while one runs are one more', async () => {
  await cycle.start();
  const answers = await Promise.all([1, 2, 3, 4].map(() => cycle.reload('test')));
  assert.deepEqual([...new Set(answers.map((one) => 'epoch' in one && one.epoch))], [2]);
  const running = cycle.reload('first');
  await new Promise((resolve) => setImmediate(resolve));
  const later = await Promise.all([cycle.reload('second'), cycle.reload('third'), running]);
  assert.deepEqual(
    later.map((one) => 'epoch' in one && one.epoch),
    [4, 4, 3],
  );
});

test('an earlier version is activated after the canary proved it again', async () => {
  await startWithTwo();
  assert.deepEqual(await cycle.activate(1), { kind: 'activated', version: 1, epoch: 3 });
  proof = { kind: 'refused', number: 2, sentence: 'its key is gone' };
  assert.equal((await cycle.activate(2)).kind, 'refused');
  assert.equal((await cycle.activate(77)).kind, 'refused');
  assert.deepEqual(orders, ['use 1 epoch 3']);
});

test('a file that is no part of the policy does not undo a version activated by hand', async () => {
  await startWithTwo();
  await cycle.activate(1);
  assert.deepEqual(await cycle.reload(CHANGED), { kind: 'unchanged', version: 1, epoch: 4 });
  assert.equal(store.currentNumber(), 1);
  assert.equal(
    (await cycle.reload('SIGHUP')).kind,
    'activated',
    'who asks for the files gets them',
  );
  assert.equal(store.currentNumber(), 2);
  await cycle.activate(1);
  disk = { hash: 'c', settings: 's' };
  assert.deepEqual(await cycle.reload(CHANGED), { kind: 'activated', version: 3, epoch: 7 });
});

test('one hang is a crash; the second gives way to the version before', async () => {
  await startWithTwo();
  hang(2);
  assert.deepEqual(orders, []);
  hang(2);
  assert.deepEqual(orders, ['want 1 epoch 3']);
  assert.match(wanted?.reason ?? '', /version 2 hung twice .* handler get_queue_config/);
  assert.equal(store.currentNumber(), 1);
});

test('hangs far apart, and hangs with nothing before, change nothing', async (context) => {
  await cycle.start();
  cycle.fit(1);
  hang(1);
  hang(1);
  assert.match(said.at(-1) ?? '', /no version before/);
  await load('b');
  cycle.fit(2);
  const now = Date.now();
  context.mock.timers.enable({ apis: ['Date'], now });
  hang(2);
  context.mock.timers.setTime(now + 600_001);
  hang(2);
  assert.equal(wanted?.version, 2);
});

test('a version with which no worker comes up gives way; a plain crash does not', async () => {
  await cycle.start();
  cycle.fit(1);
  await load('b', 'other listeners');
  cycle.crashed({ version: 2, sentence: 'port in use', hungIn: undefined });
  assert.equal(wanted?.version, 1);
  cycle.crashed({ version: 1, sentence: 'a bug', hungIn: undefined });
  assert.equal(store.currentNumber(), 1);
  assert.match(said.join('\n'), /no worker came up with version 2: port in use/);
});

test('a later epoch of the books is gone on from', async () => {
  await cycle.start();
  cycle.using(41);
  await cycle.reload('test');
  assert.equal(orders.at(-1), 'bump 42');
});

test('the embedded policy has no versions; a reload is an epoch', async () => {
  const embedded = new LifeCycle({ policy: undefined, worker, log: () => {}, reloading: () => {} });
  await embedded.start();
  assert.deepEqual(await embedded.reload('test'), { kind: 'unchanged', version: 0, epoch: 2 });
  assert.equal((await embedded.activate(1)).kind, 'refused');
  assert.equal(embedded.status.source, 'embedded');
});
