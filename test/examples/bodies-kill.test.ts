/**
 * Story: the writing process is killed, again and again, in the middle of its work. What it was
 * answered for before is there afterwards, byte for byte, and so it stays over all further lives.
 * Deliberately unknown here: loss of power (test/contracts/bodies-power).
 */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBodies } from '../../src/ports/node/bodies.ts';
import { call, mustRead, scanAll } from '../contracts/bodies-calls.ts';
import { childBytes } from '../contracts/bodies-child.ts';
import type { Account } from '../contracts/bodies-parent.ts';
import { liveOnce } from '../contracts/bodies-parent.ts';

const LIVES = 4;

test('answered bodies survive every kill', async (context) => {
  const root = fs.mkdtempSync(join(tmpdir(), 'waybill-kill-'));
  context.after(() => fs.rmSync(root, { recursive: true }));
  const dir = join(root, 'bodies');
  const account: Account = new Map();
  let segments = 0;
  for (let turn = 0; turn < LIVES; turn += 1) {
    const until = 200 + Math.floor(Math.random() * 600);
    const { kept, faults } = await liveOnce(dir, account, (life) => life.kept >= until);
    assert.ok(kept >= until, `the child wrote ${kept} bodies`);
    assert.deepEqual(faults, []);
    const store = await openBodies({ dir, segmentBytes: 256 * 1024 });
    const { found } = await scanAll(store);
    const headers = new Map(found.map(([header, ref]) => [`${ref.segment}+${ref.offset}`, header]));
    for (const [place, { ref, seed }] of account) {
      assert.ok((await mustRead(store, ref)).equals(childBytes(seed)), `body ${seed} at ${place}`);
      assert.equal(headers.get(place), `{"seed":${seed}}`);
      segments = Math.max(segments, ref.segment);
    }
    await call<void>((done) => store.close(done));
  }
  assert.ok(segments > 12, `segments were recycled on the way: ${segments}`);
  assert.ok(fs.readdirSync(dir).length < segments, 'and removed or used again');
});
