/**
 * The body store on files over a disk that loses power, at any moment, as often as it likes: what
 * was answered is there, byte for byte, whatever was kept, dropped or torn of the rest.
 * Deliberately unknown here: kills of a real process and real disks (bodies-kill, bodies-full).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import { call, scanAll } from './bodies-calls.ts';
import type { BodiesSubject } from './bodies-contract.ts';
import { SimDisk } from './bodies-sim-disk.ts';
import type { LivingBody, Step } from './bodies-walk.ts';
import { bytesOf, checkAll, steps, takeStep } from './bodies-walk.ts';

const open = (disk: SimDisk): Promise<OpenedBodies> =>
  openBodies({
    dir: '/data/bodies',
    segmentBytes: 64 * 1024,
    sparesMax: 2,
    disk: disk.calls(),
    standingCheckMs: 2 ** 30,
  });

/** A small generator, so that a run is repeated by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

const subjectOf = (disk: SimDisk, store: OpenedBodies): BodiesSubject => ({
  store,
  async reopen() {
    await call<void>((done) => store.close(done));
    return open(disk);
  },
  async dispose() {},
});

/** Starts writes, lets so many turns pass, then pulls the plug; answers what was acknowledged. */
async function cutDuringWrites(
  disk: SimDisk,
  store: OpenedBodies,
  random: () => number,
): Promise<LivingBody[]> {
  const answered: LivingBody[] = [];
  const start = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      const seed = Math.floor(random() * 2 ** 40);
      const size = Math.floor(random() ** 3 * 20_000);
      store.write(`{"seed":${seed}}`, [bytesOf(seed, size)], (ref) => {
        if ('segment' in ref) answered.push({ ref, seed });
      });
    }
  };
  const turns = Math.floor(random() * 40);
  for (let turn = 0; turn < turns; turn += 1) {
    if (random() < 0.4) start(Math.ceil(random() * 5));
    await call<void>(setImmediate);
  }
  disk.losePower(random);
  return answered;
}

async function walkWithCuts(walk: readonly Step[], seed: number): Promise<void> {
  const random = randomFrom(seed);
  const disk = new SimDisk();
  let store = await open(disk);
  let alive: LivingBody[] = [];
  store.settle();
  for (const step of walk) {
    ({ store, alive } = await takeStep(subjectOf(disk, store), store, alive, step));
    if (random() < 0.6) continue;
    alive = [...alive, ...(await cutDuringWrites(disk, store, random))];
    store = await open(disk);
    const { found } = await scanAll(store);
    const places = new Set(found.map(([, ref]) => JSON.stringify(ref)));
    for (const { ref, seed: id } of alive) {
      assert.ok(places.has(JSON.stringify(ref)), `the scan finds ${JSON.stringify(ref)}`);
      assert.ok(found.some(([header]) => header === `{"seed":${id}}`));
      store.refer(ref.segment, 1, ref.length);
    }
    await checkAll(store, alive);
    store.settle();
  }
  await checkAll(store, alive);
}

test('files: what was answered survives any loss of power', async () => {
  const property = fc.asyncProperty(steps, fc.nat(), walkWithCuts);
  await fc.assert(property, { numRuns: 300, interruptAfterTimeLimit: 6000 });
});
