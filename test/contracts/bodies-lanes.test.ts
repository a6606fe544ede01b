/**
 * Lanes of the body store on files: flushes side by side, their bound, and what one lane's failure
 * means to the others. The one idea: a disk whose flushes wait until the test lets them go, so that
 * who waits for whom can be seen.
 * Deliberately unknown here: one lane's own rules (bodies-faults), real disks, speed.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import type { BodiesOptions } from '../../src/ports/node/bodies.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyDisk } from '../../src/ports/node/bodies-disk.ts';
import { BODY_LANES } from '../../src/ports/node/bodies-writer.ts';
import type { BodyRef, Fault } from '../../src/ports/ports.ts';
import { call, mustRead, mustWrite, scanAll } from './bodies-calls.ts';
import { SimDisk } from './bodies-sim-disk.ts';

/** Enough turns of the event loop for anything that does not wait for a held flush. */
const TURNS = 40;
const CUTS = 200;
/** Looks, 5 ms apart, in which a removed segment must have been noticed. */
const LOOKS_MAX = 1000;

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < TURNS; turn += 1) await call<void>(setImmediate);
};

/** A disk whose flushes of bodies wait, once `isHolding`, until they are let go. */
class HeldDisk {
  readonly sim = new SimDisk();
  readonly held: { readonly fd: number; go(error?: NodeJS.ErrnoException): void }[] = [];
  readonly told: Fault[] = [];
  isHolding = false;
  /** Files whose last write was the head of a segment that is made ready. */
  readonly #begun = new Set<number>();

  calls(): BodyDisk {
    const beneath = this.sim.calls();
    return {
      ...beneath,
      writev: (fd, buffers, position, done) => {
        if (position === 0) this.#begun.add(fd);
        else this.#begun.delete(fd);
        beneath.writev(fd, buffers, position, done);
      },
      fdatasync: (fd, done) => {
        if (!this.isHolding || this.#begun.has(fd)) beneath.fdatasync(fd, done);
        else {
          const go = (error?: NodeJS.ErrnoException): void =>
            error === undefined ? beneath.fdatasync(fd, done) : done(error);
          this.held.push({ fd, go });
        }
      },
    };
  }

  /** Opens what the disk holds; not settled yet. */
  open(more: Partial<BodiesOptions> = {}): Promise<OpenedBodies> {
    return openBodies({
      dir: '/data/bodies',
      segmentBytes: 64 * 1024,
      lanes: 2,
      disk: this.calls(),
      listener: { failed: (fault) => this.told.push(fault) },
      standingCheckMs: 2 ** 30,
      ...more,
    });
  }

  /** Lets the flush go that has waited for the longest, or the one after it. */
  async letGo(at = 0, error?: NodeJS.ErrnoException): Promise<void> {
    const [flush] = this.held.splice(at, 1);
    assert.ok(flush !== undefined, 'a flush is waiting');
    flush.go(error);
    await settle();
  }
}

interface Writing {
  outcome: BodyRef | Fault | undefined;
}

/** Hands a body over and lets it come as far as it can. */
async function begin(store: OpenedBodies, text: string): Promise<Writing> {
  const writing: Writing = { outcome: undefined };
  store.write(`{"body":"${text}"}`, [Buffer.from(text)], (outcome) => {
    writing.outcome = outcome;
  });
  await settle();
  return writing;
}

const stateOf = ({ outcome }: Writing): string => {
  if (outcome === undefined) return 'open';
  return 'code' in outcome ? outcome.code : 'kept';
};

const refOf = ({ outcome }: Writing): BodyRef => {
  assert.ok(outcome !== undefined && 'segment' in outcome, JSON.stringify(outcome));
  return outcome;
};

const failure = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: injected`), { code });

/** A store with the flush of one body held in each of its two lanes. */
async function withTwoInFlight(): Promise<{
  disk: HeldDisk;
  store: OpenedBodies;
  one: Writing;
  two: Writing;
}> {
  const disk = new HeldDisk();
  const store = await disk.open();
  store.settle();
  await mustWrite(store, '{"body":"first"}', [Buffer.from('first')]);
  await settle();
  disk.isHolding = true;
  return { disk, store, one: await begin(store, 'one'), two: await begin(store, 'two') };
}

test('a body does not wait for the flush of another', async () => {
  const { disk, store, one, two } = await withTwoInFlight();
  assert.equal(new Set(disk.held.map(({ fd }) => fd)).size, 2, 'two files, side by side');
  await disk.letGo(1);
  assert.deepEqual([stateOf(one), stateOf(two)], ['open', 'kept']);
  assert.deepEqual(await mustRead(store, refOf(two)), Buffer.from('two'));
  await disk.letGo();
  assert.equal(stateOf(one), 'kept');
  assert.notEqual(refOf(one).segment, refOf(two).segment);
});

test('what comes while all lanes are busy shares the next flush', async () => {
  const { disk, store } = await withTwoInFlight();
  const late = [await begin(store, 'a'), await begin(store, 'b'), await begin(store, 'c')];
  assert.equal(disk.held.length, 2, 'no third flush');
  await disk.letGo();
  assert.equal(disk.held.length, 2);
  const flushes = disk.sim.flushes;
  await disk.letGo(1);
  assert.deepEqual(late.map(stateOf), ['kept', 'kept', 'kept']);
  assert.equal(disk.sim.flushes, flushes + 1, 'one flush for all three');
});

test('there are never more flushes than lanes', async () => {
  const disk = new HeldDisk();
  const store = await disk.open({ lanes: BODY_LANES });
  store.settle();
  await mustWrite(store, '{}', []);
  disk.isHolding = true;
  const all: Writing[] = [];
  for (let index = 0; index < 3 * BODY_LANES; index += 1) {
    all.push(await begin(store, `${index}`));
    assert.ok(disk.held.length <= BODY_LANES, `${disk.held.length} at once`);
  }
  assert.equal(disk.held.length, BODY_LANES);
  assert.ok(all.every((writing) => stateOf(writing) === 'open'));
  while (disk.held.length > 0) await disk.letGo();
  assert.ok(all.every((writing) => stateOf(writing) === 'kept'));
});

test('one at a time fills one segment', async () => {
  const disk = new HeldDisk();
  const store = await disk.open({ lanes: 4 });
  store.settle();
  const segments = new Set<number>();
  for (let index = 0; index < 10; index += 1) {
    segments.add((await mustWrite(store, '{}', [Buffer.alloc(2000)])).segment);
  }
  assert.equal(segments.size, 1);
});

test('one lane fails: all in flight and all that waits is of unknown outcome', async () => {
  const { disk, store, one, two } = await withTwoInFlight();
  const waiting = await begin(store, 'waiting');
  await disk.letGo(0, failure('EIO'));
  assert.deepEqual([stateOf(one), stateOf(waiting)], ['FAULT_DISK_IO', 'FAULT_DISK_IO']);
  assert.equal(stateOf(two), 'open', 'its flush has not come back');
  await disk.letGo();
  assert.equal(stateOf(two), 'FAULT_DISK_IO', 'nothing is promised on this disk any more');
  assert.equal(stateOf(await begin(store, 'late')), 'FAULT_DISK_IO');
  assert.equal(disk.told.length, 1);
  assert.equal(store.usage().pendingBytes, 0);
});

test('both lanes fail: told once', async () => {
  const { disk, one, two } = await withTwoInFlight();
  await disk.letGo(0, failure('EIO'));
  await disk.letGo(0, failure('EIO'));
  assert.deepEqual([stateOf(one), stateOf(two)], ['FAULT_DISK_IO', 'FAULT_DISK_IO']);
  assert.equal(disk.told.length, 1);
});

test('a full disk in one lane refuses its batch alone, and gives back what it took', async () => {
  const { disk, store, one, two } = await withTwoInFlight();
  await disk.letGo(1, failure('ENOSPC'));
  assert.deepEqual([stateOf(one), stateOf(two)], ['open', 'FAULT_DISK_FULL']);
  await disk.letGo();
  assert.equal(stateOf(one), 'kept');
  disk.isHolding = false;
  await mustWrite(store, '{"body":"after"}', [Buffer.from('after')]);
  assert.deepEqual(disk.told, []);
  const { found, scan } = await scanAll(store);
  const headers = found.map(([header]) => header).sort();
  assert.deepEqual(headers, ['{"body":"after"}', '{"body":"first"}', '{"body":"one"}']);
  assert.equal(scan.damaged, 0);
});

test('no space for a second segment: what comes waits for the first', async () => {
  const disk = new HeldDisk();
  let opened = 0;
  disk.sim.fault = (operation) => {
    if (operation !== 'open') return undefined;
    opened += 1;
    // The directory and the first segment.
    return opened > 2 ? 'ENOSPC' : undefined;
  };
  const store = await disk.open();
  store.settle();
  const first = await mustWrite(store, '{}', [Buffer.from('first')]);
  await settle();
  disk.isHolding = true;
  const [one, two] = [await begin(store, 'one'), await begin(store, 'two')];
  assert.ok(opened > 3, 'a second segment was tried');
  assert.equal(disk.held.length, 1);
  await disk.letGo();
  await disk.letGo();
  assert.deepEqual([refOf(one).segment, refOf(two).segment], [first.segment, first.segment]);
  assert.deepEqual(disk.told, []);
});

test('closing waits for every lane', async () => {
  const { disk, store, one, two } = await withTwoInFlight();
  let isClosed = false;
  store.close(() => {
    isClosed = true;
  });
  await settle();
  await disk.letGo(1);
  assert.deepEqual([stateOf(one), stateOf(two), isClosed], ['open', 'kept', false]);
  await disk.letGo();
  assert.deepEqual([stateOf(one), isClosed], ['kept', true]);
});

test('a segment of the second lane that is removed is noticed', async () => {
  const disk = new HeldDisk();
  const store = await disk.open({ standingCheckMs: 5 });
  store.settle();
  await mustWrite(store, '{}', []);
  await settle();
  disk.isHolding = true;
  const one = await begin(store, 'one');
  disk.isHolding = false;
  const { segment } = await mustWrite(store, '{}', []);
  await disk.letGo();
  assert.notEqual(refOf(one).segment, segment);
  const path = `/data/bodies/${String(segment).padStart(12, '0')}.bodies`;
  await call<unknown>((done) => disk.sim.calls().unlink(path, done));
  for (let look = 0; look < LOOKS_MAX && disk.told.length === 0; look += 1) {
    await call<void>((done) => setTimeout(done, 5));
  }
  assert.equal(disk.told[0]?.code, 'FAULT_DISK_IO');
  await call<void>((done) => store.close(done));
});

test('a cut with a flush in each lane costs nothing that was answered', async () => {
  for (let seed = 1; seed <= CUTS; seed += 1) {
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) / 2 ** 24;
    };
    const { disk, store, one, two } = await withTwoInFlight();
    const kept: [BodyRef, string][] = [];
    const note = (text: string, writing: Writing): void => {
      if (stateOf(writing) === 'kept') kept.push([refOf(writing), text]);
    };
    if (seed % 2 === 0) await disk.letGo(seed % 4 === 0 ? 0 : 1);
    const three = await begin(store, 'three');
    if (seed % 3 === 0) await disk.letGo();
    note('one', one);
    note('two', two);
    note('three', three);
    disk.sim.losePower(random);
    disk.isHolding = false;
    disk.held.length = 0;
    const again = await disk.open();
    const { found } = await scanAll(again);
    for (const [ref] of kept) again.refer(ref.segment, 1, ref.length);
    again.settle();
    for (const [ref, text] of kept) {
      assert.ok(found.some(([, place]) => place.sum === ref.sum && place.offset === ref.offset));
      assert.deepEqual(await mustRead(again, ref), Buffer.from(text), `seed ${seed}`);
    }
    const after = await mustWrite(again, '{}', [Buffer.from('after')]);
    for (const [ref] of kept) assert.ok(after.segment > ref.segment, 'a sealed one stays as it is');
  }
});
