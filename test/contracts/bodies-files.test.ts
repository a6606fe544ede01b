/**
 * The body store on real files: what others do to the files is noticed, what it makes is private,
 * and what is recycled is never mistaken for what lies there now.
 * Deliberately unknown here: the contract every store keeps (bodies-contract).
 */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import type { BodiesOptions } from '../../src/ports/node/bodies.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import { encodeRecordHead } from '../../src/ports/node/bodies-record.ts';
import { BODY_LANES } from '../../src/ports/node/bodies-writer.ts';
import type { BodyRef, Fault } from '../../src/ports/ports.ts';
import { call, fill, mustRead, mustWrite, readBack, scanAll, writeBody } from './bodies-calls.ts';

interface Subject {
  readonly dir: string;
  open(more?: Partial<BodiesOptions>): Promise<OpenedBodies>;
  pathOf(ref: BodyRef): string;
}

function subjectFor(context: TestContext): Subject {
  const root = fs.mkdtempSync(join(tmpdir(), 'waybill-bodies-'));
  const dir = join(root, 'bodies');
  const opened: OpenedBodies[] = [];
  context.after(async () => {
    await Promise.all(opened.map((store) => call<void>((done) => store.close(done))));
    fs.rmSync(root, { recursive: true, force: true });
  });
  return {
    dir,
    pathOf: ({ segment }) => join(dir, `${String(segment).padStart(12, '0')}.bodies`),
    async open(more = {}) {
      const store = await openBodies({ dir, segmentBytes: 64 * 1024, sparesMax: 2, ...more });
      opened.push(store);
      return store;
    },
  };
}

const close = (store: OpenedBodies): Promise<void> => call((done) => store.close(done));

const codeOf = (outcome: Buffer | Fault): string => ('code' in outcome ? outcome.code : 'read');

test('directory and files are private', async (context) => {
  const { dir, open, pathOf } = subjectFor(context);
  const ref = await mustWrite(await open(), '{}', [Buffer.from('x')]);
  assert.equal(fs.statSync(dir).mode & 0o777, 0o700);
  assert.equal(fs.statSync(pathOf(ref)).mode & 0o777, 0o600);
});

test('every flipped bit of a body, its head or its sums is detected', async (context) => {
  const { open, pathOf } = subjectFor(context);
  const store = await open();
  const body = Buffer.from('Subject: bits\r\n\r\nall of them\r\n');
  const ref = await mustWrite(store, '{"id":1}', [body]);
  const neighbour = await mustWrite(store, '{"id":2}', [Buffer.from('whole')]);
  const pristine = fs.readFileSync(pathOf(ref));
  for (let bit = 0; bit < (64 + body.length) * 8; bit += 1) {
    const copy = Buffer.from(pristine);
    const at = ref.offset + (bit >> 3);
    copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
    fs.writeFileSync(pathOf(ref), copy);
    const outcome = await readBack(store, ref);
    assert.equal(codeOf(outcome), 'FAULT_BODY_DAMAGED', `bit ${bit}`);
  }
  const { found, scan } = await scanAll(await open());
  assert.deepEqual(found, [['{"id":2}', neighbour]], 'the scan goes on behind the damage');
  assert.equal(scan.damaged, 1);
  fs.writeFileSync(pathOf(ref), pristine);
  assert.deepEqual(await mustRead(store, ref), body);
});

test('a record forged inside a body is not taken for one', async (context) => {
  const { open, pathOf } = subjectFor(context);
  const store = await open();
  const first = await mustWrite(store, '{}', [Buffer.from('first')]);
  // The forger guesses the place exactly; the stamp cannot be guessed.
  const outer = first.offset + 4096;
  const forged = Buffer.from('forged');
  const head = Buffer.alloc(64);
  const bodySum = crc32(forged);
  const [segment, offset, bodyBytes] = [first.segment, outer + 64, forged.length];
  const sums = { bodySum, headerBytes: 2, headerSum: crc32('{}') };
  encodeRecordHead(head, { stamp: Buffer.alloc(8), segment, offset, bodyBytes, ...sums });
  const ref = await mustWrite(store, '{}', [head, forged, Buffer.from('{}')]);
  const last = await mustWrite(store, '{}', [Buffer.from('last')]);
  assert.equal(ref.offset, outer);
  const fd = fs.openSync(pathOf(ref), 'r+');
  fs.writeSync(fd, Buffer.alloc(1, 7), 0, 1, ref.offset + 20);
  fs.closeSync(fd);
  await close(store);
  const { found } = await scanAll(await open());
  assert.deepEqual(
    found.map(([, place]) => place),
    [first, last],
  );
});

test('a damaged head of a segment, or a zeroed page, hides no other record', async (context) => {
  const { open, pathOf } = subjectFor(context);
  const store = await open();
  const refs = await fill(store);
  const [first] = refs;
  const page = refs.findIndex(({ offset }) => offset > 20_000);
  assert.ok(first !== undefined && page > 0);
  await close(store);
  const fd = fs.openSync(pathOf(first), 'r+');
  fs.writeSync(fd, Buffer.alloc(4096), 0, 4096, 0);
  fs.writeSync(fd, Buffer.alloc(4096), 0, 4096, (refs[page] as BodyRef).offset);
  fs.closeSync(fd);
  const again = await open();
  const { found, scan } = await scanAll(again);
  const expected = refs.filter((_, index) => index !== page);
  assert.deepEqual(
    found.map(([, ref]) => ref),
    expected,
  );
  assert.equal(scan.damaged, 2);
  for (const ref of expected) await mustRead(again, ref);
});

test('a file gone, cut short or replaced by a link costs its own bodies only', async (context) => {
  const { dir, open, pathOf } = subjectFor(context);
  const store = await open();
  const [gone, ...others] = [await fill(store), await fill(store), await fill(store)].map(
    (refs) => refs[0] as BodyRef,
  );
  const [short, linked] = others;
  assert.ok(gone !== undefined && short !== undefined && linked !== undefined);
  assert.equal(new Set([gone.segment, short.segment, linked.segment]).size, 3);
  const safe = await mustWrite(store, '{}', [Buffer.from('safe')]);
  await close(store);
  fs.rmSync(pathOf(gone));
  fs.truncateSync(pathOf(short), short.offset + 100);
  fs.renameSync(pathOf(linked), join(dir, '..', 'outside'));
  fs.symlinkSync(join(dir, '..', 'outside'), pathOf(linked));
  const again = await open();
  for (const ref of [gone, short, linked, safe]) again.refer(ref.segment, 1, ref.length);
  again.settle();
  assert.equal(codeOf(await readBack(again, gone)), 'FAULT_BODY_MISSING');
  assert.equal(codeOf(await readBack(again, short)), 'FAULT_BODY_DAMAGED');
  assert.equal(codeOf(await readBack(again, linked)), 'FAULT_BODY_MISSING');
  assert.deepEqual(await mustRead(again, safe), Buffer.from('safe'));
});

test('a link put there while running is not followed, nor a cut file trusted', async (context) => {
  const { dir, open, pathOf } = subjectFor(context);
  const store = await open();
  const [linked] = await fill(store);
  const [short] = await fill(store);
  assert.ok(linked !== undefined && short !== undefined);
  fs.renameSync(pathOf(linked), join(dir, '..', 'outside'));
  fs.symlinkSync(join(dir, '..', 'outside'), pathOf(linked));
  assert.equal(codeOf(await readBack(store, linked)), 'FAULT_BODY_MISSING');
  await mustRead(store, short);
  fs.truncateSync(pathOf(short), short.offset + 100);
  assert.equal(codeOf(await readBack(store, short)), 'FAULT_BODY_DAMAGED');
});

test('a body larger than a segment has a file of its own, gone when released', async (context) => {
  const { open, pathOf } = subjectFor(context);
  const store = await open();
  store.settle();
  const bytes = Buffer.alloc(300_000, 'large');
  const ref = await mustWrite(store, '{}', [bytes]);
  assert.deepEqual(await mustRead(store, ref), bytes);
  const number = ref.segment;
  store.refer(number, -1, ref.length);
  await close(store);
  const again = await open();
  again.settle();
  const next = await mustWrite(again, '{}', [bytes]);
  assert.ok(next.segment > number, 'the number of a removed file does not return');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(fs.existsSync(pathOf(ref)), false);
});

test('a moved or removed directory is noticed while running', async (context) => {
  // The store's own timer keeps no process alive.
  const awake = setInterval(() => undefined, 1000);
  context.after(() => clearInterval(awake));
  for (const remove of [true, false]) {
    const { dir, open } = subjectFor(context);
    let tell: (fault: Fault) => void = () => undefined;
    const told = new Promise<Fault>((resolve) => {
      tell = resolve;
    });
    const store = await open({ standingCheckMs: 10, listener: { failed: (fault) => tell(fault) } });
    await mustWrite(store, '{}', [Buffer.from('x')]);
    if (remove) fs.rmSync(dir, { recursive: true });
    else fs.renameSync(dir, `${dir}-moved`);
    const fault = await told;
    assert.equal(fault.code, 'FAULT_DISK_IO');
    assert.deepEqual(await writeBody(store, '{}', []), fault);
  }
});

test('the disk holds about twice what is alive, however it is spread', async (context) => {
  const { dir, open } = subjectFor(context);
  const store = await open();
  store.settle();
  let alive: BodyRef[] = [];
  for (let round = 0; round < 60; round += 1) {
    const [kept, ...rest] = await fill(store);
    if (kept !== undefined) alive.push(kept);
    for (const ref of rest) store.refer(ref.segment, -1, ref.length);
    const sparse = new Set(store.sparse().map(({ segment }) => segment));
    alive = await Promise.all(
      alive.map((ref) => (sparse.has(ref.segment) ? move(store, ref) : ref)),
    );
  }
  for (const ref of alive) await mustRead(store, ref);
  await close(store);
  const onDisk = fs
    .readdirSync(dir)
    .reduce((sum, name) => sum + fs.statSync(join(dir, name)).size, 0);
  const living = alive.reduce((sum, { length }) => sum + length + 4608, 0);
  // Spares and what is being moved, and for each lane the segment it fills and the one it left.
  const beside = (4 + 2 * BODY_LANES) * 64 * 1024;
  assert.ok(onDisk <= 2 * living + beside, `${onDisk} bytes for ${living} living`);
});

async function move(store: OpenedBodies, ref: BodyRef): Promise<BodyRef> {
  const outcome = await call<BodyRef | Fault>((done) => store.move(ref, done));
  assert.ok('segment' in outcome, JSON.stringify(outcome));
  store.refer(ref.segment, -1, ref.length);
  return outcome;
}

test('many segments are read with few descriptors', async (context) => {
  const { open } = subjectFor(context);
  const store = await open();
  const refs: BodyRef[] = [];
  while (new Set(refs.map(({ segment }) => segment)).size < 60) refs.push(...(await fill(store)));
  const before = fs.readdirSync('/proc/self/fd').length;
  for (const ref of refs) await mustRead(store, ref);
  const after = fs.readdirSync('/proc/self/fd').length;
  assert.ok(after - before <= 36, `${after - before} descriptors more`);
});
