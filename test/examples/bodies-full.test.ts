/**
 * Story: the disk is really full (a small tmpfs), or the size of files is limited. Bodies are
 * refused as long as that is so, those kept before stay, and the store goes on by itself
 * afterwards.
 * Deliberately unknown here: faults at single operations (test/contracts/bodies-faults).
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyRef, Fault } from '../../src/ports/ports.ts';
import { call, mustRead, mustWrite, writeBody } from '../contracts/bodies-calls.ts';
import { childBytes } from '../contracts/bodies-child.ts';
import type { Account } from '../contracts/bodies-parent.ts';
import { liveOnce } from '../contracts/bodies-parent.ts';

/** Mounts a tmpfs of 3 MiB, or skips the test with the reason. */
function mountSmall(context: TestContext): string | undefined {
  const root = fs.mkdtempSync(join(tmpdir(), 'waybill-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root]);
  context.after(() => {
    if (mounted.status === 0) spawnSync('umount', ['-l', root]);
    fs.rmSync(root, { recursive: true, force: true });
  });
  if (mounted.status === 0) return root;
  context.skip(`no tmpfs here: ${String(mounted.error ?? mounted.stderr).trim()}`);
  return undefined;
}

test('a full disk refuses, keeps what it has, and goes on', async (context) => {
  const root = mountSmall(context);
  if (root === undefined) return;
  const told: Fault[] = [];
  const store = await openBodies({
    dir: join(root, 'bodies'),
    segmentBytes: 512 * 1024,
    listener: { failed: (fault) => told.push(fault) },
  });
  store.settle();
  const kept: BodyRef[] = [];
  let refused = 0;
  for (let round = 0; round < 20; round += 1) {
    const batch = Array.from({ length: 25 }, () => writeBody(store, '{}', [childBytes(round + 1)]));
    for (const outcome of await Promise.all(batch)) {
      if ('segment' in outcome) kept.push(outcome);
      else {
        assert.equal(outcome.code, 'FAULT_DISK_FULL');
        refused += 1;
      }
    }
  }
  assert.ok(refused > 0 && kept.length > 50, `${kept.length} kept, ${refused} refused`);
  for (const ref of kept) await mustRead(store, ref);
  const newest = kept.splice(-10);
  for (const ref of kept) store.refer(ref.segment, -1, ref.length);
  const after = await mustWrite(store, '{}', [childBytes(99)]);
  assert.ok((await mustRead(store, after)).equals(childBytes(99)));
  for (const ref of newest) await mustRead(store, ref);
  assert.deepEqual(told, []);
  await call<void>((done) => store.close(done));
});

test('a limit on the size of files refuses and does not kill', async (context) => {
  const root = fs.mkdtempSync(join(tmpdir(), 'waybill-limit-'));
  context.after(() => fs.rmSync(root, { recursive: true }));
  const account: Account = new Map();
  const limited = ['sh', '-c', 'ulimit -f 200 && exec "$@"', 'sh'];
  const life = await liveOnce(
    join(root, 'bodies'),
    account,
    ({ faults, kept }) => faults.length > 20 && kept > 100,
    limited,
  );
  assert.equal(life.code, null, 'it ran until it was killed by us');
  assert.ok(life.kept > 100 && new Set(life.faults).size === 1);
  assert.equal(life.faults[0], 'FAULT_DISK_FULL');
  const store = await openBodies({ dir: join(root, 'bodies') });
  for (const { ref, seed } of account.values()) {
    assert.ok((await mustRead(store, ref)).equals(childBytes(seed)));
  }
  await call<void>((done) => store.close(done));
});
