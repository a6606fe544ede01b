/**
 * The lock on a data directory: one holder, gone with its process, whatever ended it.
 * The one idea: a real second process is killed, not asked.
 * Deliberately unknown here: the log.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDataDir } from '../../src/events/data-lock.ts';
import { withDir } from '../contracts/log-place.ts';
import { startWriter } from './log-process.ts';

test('a directory held by another process is refused at once, and free after SIGKILL', () =>
  withDir(async (dir) => {
    const holder = startWriter([dir, 'lock']);
    await holder.until(/^locked/);
    const began = performance.now();
    await assert.rejects(lockDataDir(dir), {
      name: 'DataDirLocked',
      message: `${dir} is in use by another waybilld (pid ${holder.child.pid})`,
    });
    // Its driver would wait 5 s for a lock, if it were not told otherwise.
    assert.ok(performance.now() - began < 4_000);
    await holder.kill();
    const lock = await lockDataDir(dir);
    await lock.release();
  }));

test('a lock is refused within its own process, too, and can be taken after its release', () =>
  withDir(async (dir) => {
    const lock = await lockDataDir(dir);
    await assert.rejects(lockDataDir(dir), { name: 'DataDirLocked' });
    await lock.release();
    await lock.release();
    const again = await lockDataDir(dir);
    await again.release();
  }));

test('a pid left behind by a dead process locks nothing', () =>
  withDir(async (dir) => {
    writeFileSync(join(dir, 'lock.pid'), `${process.pid}\n`);
    const lock = await lockDataDir(dir);
    await lock.release();
  }));
