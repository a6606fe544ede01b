/**
 * What every body store must do, told once and run over each: reading back, proving, counting
 * references, recycling, moving, scanning, closing. The random walk at the end keeps a model of
 * what is alive beside the store and compares them.
 * Deliberately unknown here: how a store keeps bodies.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { InvariantBroken } from '../../src/domain/invariant.ts';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import type { Fault } from '../../src/ports/ports.ts';
import { call, fill, mustRead, mustWrite, readBack, scanAll, writeBody } from './bodies-calls.ts';
import { walkAtRandom } from './bodies-walk.ts';

/** A store under test. */
export interface BodiesSubject {
  readonly store: OpenedBodies;
  /** Ends this store without ceremony and opens what it left. */
  reopen(): Promise<OpenedBodies>;
  dispose(): Promise<void>;
}

/** Registers the contract's tests for one kind of store. */
export function testBodies(kind: string, make: () => Promise<BodiesSubject>): void {
  const law = (name: string, check: (subject: BodiesSubject) => Promise<void>): void => {
    test(`${kind}: ${name}`, async () => {
      const subject = await make();
      try {
        await check(subject);
      } finally {
        await subject.dispose();
      }
    });
  };
  testReading(law);
  testReferences(law);
  testDuties(law);
  test(`${kind}: random writing, moving, releasing and reopening keeps what is alive`, () =>
    walkAtRandom(make));
}

type Law = (name: string, check: (subject: BodiesSubject) => Promise<void>) => void;

function testReading(law: Law): void {
  law('a body is read back as it was written', async ({ store }) => {
    const chunks = [
      Buffer.from('Subject: x\r\n'),
      Buffer.alloc(0),
      Buffer.from('\r\nwörds\0\xff\r\n'),
    ];
    const ref = await mustWrite(store, '{"from":"ä"}', chunks);
    assert.equal(ref.length, Buffer.concat(chunks).length);
    assert.equal(ref.sum, crc32(Buffer.concat(chunks)));
    assert.deepEqual(await mustRead(store, ref), Buffer.concat(chunks));
  });
  law('an empty body and one in many chunks are bodies', async ({ store }) => {
    const many = Array.from({ length: 3000 }, (_, index) => Buffer.from(`line ${index}\r\n`));
    const [none, lines] = await Promise.all([
      mustWrite(store, '', []),
      mustWrite(store, '{}', many),
    ]);
    assert.deepEqual(await mustRead(store, none), Buffer.alloc(0));
    assert.deepEqual(await mustRead(store, lines), Buffer.concat(many));
  });
  law(
    'what is handed over at once is answered in its order, after the call has returned',
    async ({ store }) => {
      const order: number[] = [];
      const all = Array.from({ length: 20 }, (_, index) =>
        call<void>((done) =>
          store.write('{}', [Buffer.alloc(index)], () => {
            order.push(index);
            done();
          }),
        ),
      );
      assert.deepEqual(order, []);
      await Promise.all(all);
      assert.deepEqual(
        order,
        order.map((_, index) => index),
      );
    },
  );
  law('a wrong reference is never answered with bytes', async ({ store }) => {
    const ref = await mustWrite(store, '{}', [Buffer.from('one')]);
    await mustWrite(store, '{}', [Buffer.from('two')]);
    const missing = await readBack(store, { ...ref, segment: ref.segment + 1000 });
    assert.ok('code' in missing && missing.code === 'FAULT_BODY_MISSING');
    for (const wrong of [{ sum: ref.sum ^ 1 }, { offset: ref.offset + 1 }, { length: 2 }]) {
      const outcome = await readBack(store, { ...ref, ...wrong });
      assert.ok('code' in outcome && !outcome.retryable, JSON.stringify(wrong));
    }
  });
}

function testReferences(law: Law): void {
  law('a sealed segment without references is recycled, and not before', async ({ store }) => {
    store.settle();
    const [first, ...rest] = await fill(store);
    assert.ok(first !== undefined);
    const old = rest.filter(({ segment }) => segment === first.segment);
    for (const ref of old) store.refer(ref.segment, -1, ref.length);
    assert.ok(Buffer.isBuffer(await readBack(store, first)), 'one reference is left');
    store.refer(first.segment, 1, first.length);
    store.refer(first.segment, -2, first.length);
    const outcome = await readBack(store, first);
    assert.ok('code' in outcome && outcome.code === 'FAULT_BODY_MISSING');
  });
  law('nothing is recycled before the store is settled', async ({ store }) => {
    const refs = await fill(store);
    for (const ref of refs) store.refer(ref.segment, -1, ref.length);
    for (const ref of refs) await mustRead(store, ref);
  });
  law('after a start the references are those told again', async (subject) => {
    const [kept, ...rest] = await fill(subject.store);
    assert.ok(kept !== undefined);
    const other = rest.find(({ segment }) => segment !== kept.segment);
    assert.ok(other !== undefined);
    const store = await subject.reopen();
    store.refer(kept.segment, 1, kept.length);
    store.settle();
    await mustRead(store, kept);
    const outcome = await readBack(store, other);
    assert.ok('code' in outcome && outcome.code === 'FAULT_BODY_MISSING');
    const fresh = await mustWrite(store, '{}', [Buffer.from('new')]);
    assert.ok(fresh.segment > Math.max(kept.segment, other.segment), 'numbers never return');
  });
  law('a number that is only referred to is not given out', async ({ store }) => {
    store.refer(7000, 1, 10);
    store.settle();
    const ref = await mustWrite(store, '{}', [Buffer.from('x')]);
    assert.ok(ref.segment > 7000);
  });
  law('one release too many is our bug, here and now', async ({ store }) => {
    store.settle();
    const ref = await mustWrite(store, '{}', [Buffer.from('x')]);
    assert.throws(() => store.refer(ref.segment, -2, ref.length), InvariantBroken);
  });
}

function testDuties(law: Law): void {
  law('a moved body lies elsewhere with its bytes and its header text', async (subject) => {
    const { store } = subject;
    const from = await mustWrite(store, '{"id":"ü"}', [Buffer.from('moved')]);
    const upto = await call<Awaited<ReturnType<typeof writeBody>>>((done) =>
      store.move(from, done),
    );
    assert.ok('segment' in upto);
    assert.notDeepEqual(upto, from);
    assert.deepEqual(await mustRead(store, upto), Buffer.from('moved'));
    const header = await call<string | Fault>((done) => store.readHeader(upto, done));
    assert.equal(header, '{"id":"ü"}');
    const { found } = await scanAll(await subject.reopen());
    assert.deepEqual(found, [
      ['{"id":"ü"}', from],
      ['{"id":"ü"}', upto],
    ]);
  });
  law('a scan finds every body with its header text', async (subject) => {
    const refs = await fill(subject.store, (index) => `{"n":${index}}`);
    const { found, scan } = await scanAll(await subject.reopen());
    assert.deepEqual(
      found,
      refs.map((ref, index) => [`{"n":${index}}`, ref]),
    );
    assert.deepEqual([scan.bodies, scan.damaged], [refs.length, 0]);
  });
  law('a lone living body makes its segment sparse', async ({ store }) => {
    store.settle();
    const kept = new Set<number>();
    for (let round = 0; round < 12; round += 1) {
      for (const ref of await fill(store)) {
        if (kept.has(ref.segment)) store.refer(ref.segment, -1, ref.length);
        kept.add(ref.segment);
      }
    }
    const sparse = store.sparse();
    assert.ok(sparse.length > 0);
    for (const { liveBytes, bytes, references } of sparse) {
      assert.ok(references > 0 && liveBytes > 0 && liveBytes * 2 < bytes);
    }
  });
  law('closing flushes what was handed over and refuses what comes after', async ({ store }) => {
    const before = writeBody(store, '{}', [Buffer.from('before')]);
    await call<void>((done) => store.close(done));
    assert.ok('segment' in (await before));
    const after = await writeBody(store, '{}', [Buffer.from('after')]);
    assert.ok('code' in after && after.code === 'FAULT_DISK_IO');
  });
  law('what waits is bounded, and what is over is refused', async ({ store }) => {
    const all = Array.from({ length: 40 }, () => writeBody(store, '{}', [Buffer.alloc(10_000)]));
    assert.ok(store.usage().pendingBytes <= 200_000);
    const outcomes = await Promise.all(all);
    const refused = outcomes.filter((o) => 'code' in o && o.code === 'FAULT_OVERLOADED');
    assert.ok(refused.length >= 20 && refused.length < 25, `${refused.length} refused`);
    assert.equal(store.usage().pendingBytes, 0);
    await mustWrite(store, '{}', [Buffer.alloc(300_000)]);
  });
}
