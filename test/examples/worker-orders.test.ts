/**
 * Orders that reach a worker before it serves: none is lost, and they are followed in their order.
 * The worker is the real one inside this process, on the embedded policy; the manager is played.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkerOrder, WorkerWord } from '../../src/manager/messages.ts';
import { runWorker } from '../../src/manager/worker.ts';

const WAIT_MS_MAX = 30_000;

test('what is ordered while a worker begins is done when it serves', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-orders-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const words: WorkerWord[] = [];
  let give: (order: WorkerOrder) => void = () => {};
  let heard: () => void = () => {};
  const args = { dir, isEmbedded: true, smtp: '127.0.0.1:0', keepLogMs: 0, version: 'test' };
  const running = runWorker(args, {
    say: (word) => {
      words.push(word);
      heard();
    },
    hear: (listener) => {
      give = listener;
      // All at once, before the log is open.
      for (const order of early) listener(order);
    },
  });
  const epochs = (): number[] => words.flatMap((word) => (word.kind === 'using' ? word.epoch : []));
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    heard();
  }, WAIT_MS_MAX);
  while (epochs().length < 3 && !isLate) {
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
  clearTimeout(limit);
  give({ kind: 'stop', drainMs: 0 });
  assert.deepEqual(await running, { code: 0, sentence: '' });
  assert.deepEqual(epochs(), [1, 5, 7]);
  assert.ok(!words.some(({ kind }) => kind === 'unusable'), JSON.stringify(words));
});

const early: readonly WorkerOrder[] = [
  { kind: 'use', version: 0, reason: 'start', epoch: 1 },
  { kind: 'bump', epoch: 5, reason: 'SIGHUP' },
  { kind: 'bump', epoch: 7, reason: 'the files changed' },
];
