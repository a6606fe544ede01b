/**
 * Law: the same seed is the same run, byte for byte, on every machine and every Node. The idea: the
 * hash of each run is in the repository, so wherever this test passes the run was the one that was
 * written down. A change of what the engine does changes them: `npm run same-run -- --renew`.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Prints } from '../swarm/prints.ts';
import { PRINTED_SEEDS, PRINTS_FILE, printAll, RENEW } from '../swarm/prints.ts';

test('the same seed is the same run', async () => {
  const kept = JSON.parse(readFileSync(PRINTS_FILE, 'utf8')) as Prints;
  assert.ok(Object.keys(kept).length > PRINTED_SEEDS.length, 'runs of swarm and simulation');
  const prints = await printAll();
  const fix = `a run is another than in same-run.json; where the engine was changed: ${RENEW}`;
  assert.deepEqual(prints, kept, fix);
});
