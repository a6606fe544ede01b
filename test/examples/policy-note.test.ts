/**
 * The note of which part of the policy runs: what is read is what was written, whole, also while
 * another thread writes. Knows nothing of what is done about a part that does not end.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  ANSWER_MS_MAX,
  createNoteMemory,
  createNoteReader,
  createNoteWriter,
  ONCE_MS_MAX,
} from '../../src/manager/policy-note.ts';

const ANSWER = 'get_path';
const ONCE = 'top level';
const READS_MIN = 20_000;

test('a note is read as it was written', () => {
  const memory = createNoteMemory();
  const read = createNoteReader(memory);
  assert.equal(read().step, '');
  const write = createNoteWriter(memory);
  write(ANSWER);
  const first = read();
  assert.deepEqual([first.step, first.allowedMs], [ANSWER, ANSWER_MS_MAX]);
  write(ONCE);
  const second = read();
  assert.deepEqual([second.step, second.allowedMs], [ONCE, ONCE_MS_MAX]);
  assert.notEqual(second.sequence, first.sequence);
});

test('a note that is being written names no step', () => {
  const memory = createNoteMemory();
  createNoteWriter(memory)(ONCE);
  // The writer has begun the next one and got no further.
  Atomics.add(new Int32Array(memory, 0, 1), 0, 1);
  assert.equal(createNoteReader(memory)().step, '');
});

test('a reader beside a writer never mixes two notes', async () => {
  const memory = createNoteMemory();
  const module = new URL('../../src/manager/policy-note.ts', import.meta.url).href;
  const code = `
    const { workerData } = require('node:worker_threads');
    import('tsx/esm/api').then(async ({ register }) => {
      register();
      const { createNoteWriter } = await import(workerData.module);
      const write = createNoteWriter(workerData.memory);
      for (;;) { write('${ANSWER}'); write('${ONCE}'); }
    });`;
  const worker = new Worker(code, { eval: true, workerData: { memory, module } });
  try {
    const read = createNoteReader(memory);
    const allowed = new Map([
      [ANSWER, ANSWER_MS_MAX],
      [ONCE, ONCE_MS_MAX],
    ]);
    const seen = new Set<string>();
    for (let reads = 0; reads < READS_MIN || seen.size < allowed.size; reads += 1) {
      if (reads % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
      const { step, allowedMs } = read();
      if (step === '') continue;
      seen.add(step);
      assert.equal(allowedMs, allowed.get(step), `a mixed note: ${step}, ${allowedMs} ms`);
    }
  } finally {
    await worker.terminate();
  }
});
