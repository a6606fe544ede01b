/**
 * The body store on files over a disk that runs full and fails: each refusal is answered as what it
 * is, and a fault at any single operation never costs an answered body.
 * Deliberately unknown here: loss of power (bodies-power) and real disks (bodies-full).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import type { BodiesOptions } from '../../src/ports/node/bodies.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyRef, Fault } from '../../src/ports/ports.ts';
import { call, fill, mustRead, mustWrite, readBack, scanAll, writeBody } from './bodies-calls.ts';
import { SimDisk } from './bodies-sim-disk.ts';

const open = (disk: SimDisk, more: Partial<BodiesOptions> = {}): Promise<OpenedBodies> =>
  openBodies({
    dir: '/data/bodies',
    segmentBytes: 64 * 1024,
    sparesMax: 2,
    disk: disk.calls(),
    standingCheckMs: 2 ** 30,
    ...more,
  });

const codeOf = (outcome: BodyRef | Fault): string => ('code' in outcome ? outcome.code : 'kept');

for (const operation of ['fdatasync', 'writev'] as const) {
  test(`EIO on ${operation}: unknown outcome for all in that flush, told once`, async () => {
    const disk = new SimDisk();
    const told: Fault[] = [];
    const store = await open(disk, { listener: { failed: (fault) => told.push(fault) } });
    store.settle();
    const kept = await mustWrite(store, '{}', [Buffer.from('kept')]);
    disk.fault = (now) => (now === operation ? 'EIO' : undefined);
    const batch = Array.from({ length: 5 }, () => writeBody(store, '{}', [Buffer.alloc(9000)]));
    for (const outcome of await Promise.all(batch)) assert.equal(codeOf(outcome), 'FAULT_DISK_IO');
    disk.fault = () => undefined;
    assert.equal(codeOf(await writeBody(store, '{}', [])), 'FAULT_DISK_IO', 'refused afterwards');
    assert.deepEqual(
      told.map(({ code }) => code),
      ['FAULT_DISK_IO'],
    );
    assert.deepEqual(await mustRead(store, kept), Buffer.from('kept'));
    await call<void>((done) => store.close(done));
  });
}

test('a full disk keeps nothing, and the store goes on by itself when space returns', async () => {
  const disk = new SimDisk();
  const told: Fault[] = [];
  const store = await open(disk, { listener: { failed: (fault) => told.push(fault) } });
  store.settle();
  const before = await mustWrite(store, '{"n":1}', [Buffer.from('before')]);
  disk.capacityBytes = disk.usedBytes() + 6000;
  const batch = Array.from({ length: 3 }, () => writeBody(store, '{"n":2}', [Buffer.alloc(5000)]));
  for (const outcome of await Promise.all(batch)) assert.equal(codeOf(outcome), 'FAULT_DISK_FULL');
  assert.ok(disk.usedBytes() <= disk.capacityBytes - 6000, 'what was written is given back');
  const { found } = await scanAll(store);
  assert.deepEqual(found, [['{"n":1}', before]]);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  const after = await mustWrite(store, '{"n":3}', [Buffer.from('after')]);
  assert.deepEqual(await mustRead(store, before), Buffer.from('before'));
  assert.deepEqual(await mustRead(store, after), Buffer.from('after'));
  assert.deepEqual(told, []);
});

test('a full disk takes the space of spare segments', async () => {
  const disk = new SimDisk();
  const store = await open(disk);
  store.settle();
  for (const { segment, length } of await fill(store)) store.refer(segment, -1, length);
  assert.equal(store.usage().spares, 1);
  const kept = await mustWrite(store, '{}', [Buffer.from('kept')]);
  disk.capacityBytes = disk.usedBytes();
  assert.equal(codeOf(await writeBody(store, '{}', [Buffer.alloc(9000)])), 'FAULT_DISK_FULL');
  assert.equal(store.usage().spares, 0);
  await mustWrite(store, '{}', [Buffer.alloc(9000)]);
  assert.deepEqual(await mustRead(store, kept), Buffer.from('kept'));
});

test('no space for a segment, and none for descriptors, are refusals that pass', async () => {
  for (const [code, expected] of [
    ['ENOSPC', 'FAULT_DISK_FULL'],
    ['EDQUOT', 'FAULT_DISK_FULL'],
    ['EMFILE', 'FAULT_OVERLOADED'],
  ] as const) {
    const disk = new SimDisk();
    const store = await open(disk);
    const refs = await fill(store);
    disk.fault = (now) => (now === 'open' ? code : undefined);
    const outcomes: string[] = [];
    for (let index = 0; index < 30; index += 1) {
      outcomes.push(codeOf(await writeBody(store, '{}', [Buffer.alloc(9000)])));
    }
    assert.equal(outcomes.at(-1), expected);
    disk.fault = () => undefined;
    await mustWrite(store, '{}', [Buffer.alloc(9000)]);
    for (const ref of refs) await mustRead(store, ref);
  }
});

test('a limit on the size of files is full for one message, not for ever', async () => {
  const disk = new SimDisk();
  const store = await open(disk);
  await mustWrite(store, '{}', [Buffer.alloc(9000)]);
  let isLimited = true;
  disk.fault = (now) => (now === 'writev' && isLimited ? 'EFBIG' : undefined);
  assert.equal(codeOf(await writeBody(store, '{}', [Buffer.alloc(9000)])), 'FAULT_DISK_FULL');
  isLimited = false;
  await mustWrite(store, '{}', [Buffer.alloc(9000)]);
});

test('a segment is not used again while it is being read', async () => {
  const disk = new SimDisk();
  const store = await open(disk);
  store.settle();
  const refs = await fill(store);
  const [first] = refs;
  assert.ok(first !== undefined);
  const reading = readBack(store, first);
  for (const { segment, length } of refs) {
    if (segment === first.segment) store.refer(segment, -1, length);
  }
  assert.equal(store.usage().spares, 0);
  for (let round = 0; round < 3; round += 1) await fill(store);
  const outcome = await reading;
  assert.ok(Buffer.isBuffer(outcome), JSON.stringify(outcome));
});

test('a fault at any one operation never costs an answered body', async () => {
  let isThrough = false;
  for (let at = 1; !isThrough; at += 1) {
    for (const code of ['EIO', 'ENOSPC', 'EMFILE']) {
      const disk = new SimDisk();
      let count = 0;
      let wasHit = false;
      const store = await open(disk);
      store.settle();
      disk.fault = () => {
        count += 1;
        wasHit ||= count === at;
        return count === at ? code : undefined;
      };
      const answered = await writeAndRelease(store);
      disk.fault = () => undefined;
      disk.losePower(() => 0);
      const again = await open(disk);
      for (const [ref] of answered) again.refer(ref.segment, 1, ref.length);
      again.settle();
      for (const [ref, byte] of answered) {
        assert.ok(
          (await mustRead(again, ref)).equals(Buffer.alloc(7000, byte)),
          `${code} at ${at}`,
        );
      }
      await mustWrite(again, '{}', [Buffer.from('and on')]);
      isThrough = !wasHit;
    }
    assert.ok(at < 2000, 'the scenario ends');
  }
});

/** Fills a few segments, releasing the older bodies; answers what must be alive at the end. */
async function writeAndRelease(store: OpenedBodies): Promise<[BodyRef, number][]> {
  const alive: [BodyRef, number][] = [];
  for (let round = 0; round < 14; round += 1) {
    const writes: Promise<BodyRef | Fault>[] = [];
    for (const index of [0, 1, 2]) {
      writes.push(writeBody(store, '{}', [Buffer.alloc(7000, round * 3 + index)]));
      // One after the other, so that each lane has a flush in flight.
      for (let turn = 0; turn < 2; turn += 1) await call<void>(setImmediate);
    }
    const outcomes = await Promise.all(writes);
    outcomes.forEach((outcome, index) => {
      if ('segment' in outcome) alive.push([outcome, round * 3 + index]);
    });
    for (const [ref] of alive.splice(0, Math.max(0, alive.length - 10))) {
      store.refer(ref.segment, -1, ref.length);
    }
  }
  return alive;
}
