/**
 * What readers behind the commit still need is not let go of with the pictures of the books: their
 * own cursors and what was needed there; where nobody reads, only living mail counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReaderNeed } from '../../src/domain/reader-floors.ts';
import { World } from '../../src/testing/world/world.ts';

const SNAPSHOT_MS = 20_000;

/** A world whose log tells what it may let go of, and readers that say what they need. */
async function makeWorld() {
  const world = await World.start({ seed: 1, limits: { snapshotMsMax: SNAPSHOT_MS } });
  const readers: { needs: readonly ReaderNeed[] } = { needs: [] };
  Object.assign(world.engine.core.house, { readers: () => readers.needs });
  const released: number[] = [];
  world.life.log.releaseBefore = (position) => released.push(position);
  /** Mail, and time for the next picture. */
  const pass = async (): Promise<number> => {
    for (let count = 0; count < 5; count++) world.submit(['user@a.test']);
    await world.runFor(3 * SNAPSHOT_MS);
    return released.at(-1) ?? 0;
  };
  return { world, readers, pass };
}

test('a reader that lags holds the log; one that is up to date does not', async () => {
  const { world, readers, pass } = await makeWorld();
  const alone = await pass();
  assert.ok(alone > 1, 'nobody reads: all that is delivered may go');
  const upto = world.store.records.length;
  readers.needs = [{ position: alone, floor: 0 }];
  const held = await pass();
  assert.ok(held <= alone + 1, `${held} is let go of, a reader is at ${alone}`);
  readers.needs = [{ position: alone, floor: upto }];
  assert.ok((await pass()) >= upto, 'what its retention gave up may go');
  readers.needs = [{ position: world.store.records.length, floor: 0 }];
  assert.ok((await pass()) > upto);
});
