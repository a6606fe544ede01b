/**
 * What a store with memory before it must do, over both stores that there are: what may be deferred
 * is read and counted like any other and written only when it is asked for, once; what may not, or
 * finds no room, is stored. Deliberately unknown here: messages, and when to ask.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeferredSegment } from '../../src/domain/deferred-place.ts';
import { InvariantBroken } from '../../src/domain/invariant.ts';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import type { DeferringBodies } from '../../src/ports/deferred-bodies.ts';
import { DEFERRED_OVERHEAD_BYTES, deferBodies } from '../../src/ports/deferred-bodies.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyRef, Fault } from '../../src/ports/ports.ts';
import { createMemoryBodies } from '../../src/testing/memory-bodies.ts';
import { checksum } from '../../src/testing/memory-bodies-segment.ts';
import { call, mustRead, mustWrite, readBack, scanAll } from './bodies-calls.ts';

const BYTES_MAX = 4 * (DEFERRED_OVERHEAD_BYTES + 1_002);
const HEADER = '{}';

interface Place {
  readonly under: OpenedBodies;
  readonly store: DeferringBodies;
  /** Writes to the store beneath so far. */
  readonly writes: () => number;
}

function around(under: OpenedBodies): Place {
  let writes = 0;
  const write = under.write.bind(under);
  under.write = (...asked) => {
    writes += 1;
    write(...asked);
  };
  const store = deferBodies(under, {
    bytesMax: BYTES_MAX,
    sumOf: (chunks) => checksum(Buffer.concat(chunks)),
    soon: (task) => process.nextTick(task),
  });
  return { under, store, writes: () => writes };
}

const defer = async (store: OpenedBodies, bytes = 1_000): Promise<BodyRef> => {
  const chunks = [Buffer.alloc(bytes - 1, 'a'), Buffer.from('z')];
  const outcome = await call<BodyRef | Fault>((done) => store.write(HEADER, chunks, done, true));
  assert.ok('segment' in outcome, JSON.stringify(outcome));
  return outcome;
};

const move = async (store: OpenedBodies, ref: BodyRef): Promise<BodyRef> => {
  const outcome = await call<BodyRef | Fault>((done) => store.move(ref, done));
  assert.ok('segment' in outcome, JSON.stringify(outcome));
  return outcome;
};

type Law = (name: string, check: (place: Place) => Promise<void>) => void;

function testDeferring(law: Law): void {
  law('what may be deferred is kept, read and let go of without a write', async (place) => {
    const { store, writes } = place;
    let isBack = false;
    const given = call<BodyRef | Fault>((done) => {
      store.write(
        HEADER,
        [Buffer.from('now')],
        (outcome) => {
          assert.ok(isBack, 'the answer comes after the call');
          done(outcome);
        },
        true,
      );
      isBack = true;
    });
    const ref = (await given) as BodyRef;
    assert.ok(isDeferredSegment(ref.segment));
    assert.equal((await mustRead(store, ref)).toString(), 'now');
    assert.equal(ref.sum, checksum(Buffer.from('now')));
    assert.equal(await call((done) => store.readHeader(ref, done)), HEADER);
    assert.equal(store.deferred().bodies, 1);
    store.refer(ref.segment, 1, ref.length);
    store.refer(ref.segment, -1, ref.length);
    assert.equal((await mustRead(store, ref)).toString(), 'now');
    store.refer(ref.segment, -1, ref.length);
    assert.deepEqual(store.deferred(), { bodies: 0, bytes: 0 });
    assert.equal(writes(), 0);
    const gone = await readBack(store, ref);
    assert.equal('code' in gone && gone.code, 'FAULT_BODY_MISSING');
    assert.throws(() => store.refer(ref.segment, -1, ref.length), InvariantBroken);
    const unmoved = await call<BodyRef | Fault>((done) => store.move(ref, done));
    assert.equal('code' in unmoved && unmoved.code, 'FAULT_BODY_MISSING');
  });

  law(
    'past the bound, and where nobody allowed it, bodies are stored',
    async ({ store, writes }) => {
      const refs = [];
      for (let nth = 0; nth < 4; nth += 1) refs.push(await defer(store));
      assert.deepEqual(store.deferred(), { bodies: 4, bytes: BYTES_MAX });
      assert.equal(writes(), 0);
      assert.ok(!isDeferredSegment((await defer(store, 1)).segment), 'there is no room');
      assert.equal(writes(), 1);
      const [first] = refs as [BodyRef];
      store.refer(first.segment, -1, first.length);
      assert.ok(isDeferredSegment((await defer(store)).segment), 'there is room again');
      assert.ok(!isDeferredSegment((await mustWrite(store, HEADER, [])).segment));
      assert.equal(new Set(refs.map(({ segment }) => segment)).size, 4, 'each has its own');
    },
  );
}

function testMoving(law: Law): void {
  law('a move writes it, header and all, and it is read from both places', async (place) => {
    const { store, under } = place;
    const ref = await defer(store);
    const moved = await move(store, ref);
    assert.ok(!isDeferredSegment(moved.segment));
    assert.deepEqual([moved.length, moved.sum], [ref.length, ref.sum]);
    assert.deepEqual(await mustRead(store, moved), await mustRead(store, ref));
    assert.equal(await call((done) => under.readHeader(moved, done)), HEADER);
    const { found } = await scanAll(store);
    assert.deepEqual(found, [[HEADER, moved]]);
    store.refer(ref.segment, -1, ref.length);
    assert.deepEqual(store.deferred(), { bodies: 0, bytes: 0 });
    assert.equal(under.usage().liveBytes, moved.length, 'the reference of who moved it');
    store.refer(moved.segment, -1, moved.length);
    assert.equal(under.usage().liveBytes, 0, 'no reference is left over');
  });

  law('those who share it have it written once', async ({ store, under, writes }) => {
    const ref = await defer(store);
    store.refer(ref.segment, 2, ref.length);
    const both = await Promise.all([move(store, ref), move(store, ref)]);
    const late = await move(store, ref);
    assert.deepEqual(both, [late, late]);
    assert.equal(writes(), 1);
    store.refer(ref.segment, -3, ref.length);
    for (const { segment, length } of [...both, late]) store.refer(segment, -1, length);
    assert.equal(under.usage().liveBytes, 0);
  });

  law('what is let go of while it is being written leaves nothing behind', async (place) => {
    const { store, under } = place;
    const ref = await defer(store);
    const moving = move(store, ref);
    store.refer(ref.segment, -1, ref.length);
    const moved = await moving;
    store.refer(moved.segment, -1, moved.length);
    assert.equal(under.usage().liveBytes, 0);
    assert.deepEqual(store.deferred(), { bodies: 0, bytes: 0 });
  });

  law('a closed store keeps nothing in memory any more', async ({ store }) => {
    await call<void>((done) => store.close(done));
    const outcome = await call<BodyRef | Fault>((done) => store.write(HEADER, [], done, true));
    assert.equal('code' in outcome && outcome.code, 'FAULT_DISK_IO');
  });
}

function testOver(kind: string, make: () => Promise<[OpenedBodies, () => Promise<void>]>): void {
  const law: Law = (name, check) => {
    test(`memory before ${kind}: ${name}`, async () => {
      const [under, dispose] = await make();
      try {
        under.settle();
        await check(around(under));
      } finally {
        await dispose();
      }
    });
  };
  testDeferring(law);
  testMoving(law);
}

testOver('files', async () => {
  const root = await mkdtemp(join(tmpdir(), 'waybill-deferred-'));
  const store = await openBodies({ dir: join(root, 'bodies') });
  return [
    store,
    async () => {
      await call<void>((done) => store.close(done));
      await rm(root, { recursive: true });
    },
  ];
});

testOver('memory', async () => [createMemoryBodies(setImmediate), async () => {}]);

test('memory before memory: a full disk leaves it in memory, to be moved later', async () => {
  const under = createMemoryBodies(setImmediate);
  under.settle();
  const { store } = around(under);
  const ref = await defer(store);
  under.isFull = true;
  const refused = await call<BodyRef | Fault>((done) => store.move(ref, done));
  assert.equal('code' in refused && refused.code, 'FAULT_DISK_FULL');
  assert.equal((await mustRead(store, ref)).length, 1_000);
  under.isFull = false;
  assert.equal((await mustRead(store, await move(store, ref))).length, 1_000);
});
