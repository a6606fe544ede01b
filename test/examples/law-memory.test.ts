/**
 * Story: a policy keeps something of each question, and the check of the laws runs out of memory.
 * Whoever reads the refusal learns which bound it was, the heap of the thread or the growth of the
 * process, and so what to look for. The bounds are small here, for a gigabyte takes its time.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { runLaws } from '../../src/manager/law-watch.ts';
import type { WorkMemory } from '../../src/manager/policy-work.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { writePlanted } from './planted-policy.ts';

const SEARCH = { seconds: 100, seed: 1, tenants: {} };

/** How the check of a policy ends that keeps this of each question about a path. */
async function sentenceOf(kept: string, memory: WorkMemory): Promise<string> {
  const path = `((globalThis.kept ??= []).push(${kept}), { connection_limit: 8 })`;
  const file = await writePlanted({ path });
  try {
    const policy = { kind: 'file' as const, file, source: file, ...(await compilePolicy(file)) };
    const end = await runLaws({ policy, search: SEARCH }, {}, memory);
    return end.kind === 'refused' ? end.sentence : end.kind;
  } finally {
    await rm(dirname(file), { recursive: true });
  }
}

test('a heap that is full is told as such', async () => {
  const told = await sentenceOf('new Array(2e6).fill(0.5)', { heap: 256, growth: 8_192 });
  assert.match(told, /^the check of the laws needed more than 256 MiB of heap; look for a list, /);
});

test('a process that grows by buffers is told as such', async () => {
  const told = await sentenceOf('Buffer.alloc(64 << 20, 1)', { heap: 384, growth: 768 });
  assert.match(told, /^the process of the check grew by more than 768 MiB; its heap may have 384 /);
  assert.match(told, /look for Buffers and typed arrays that are kept$/);
});
