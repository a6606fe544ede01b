/**
 * Law: whichever byte of a closed segment is changed, `verify` finds it and names the segment; and
 * whichever byte of a living message's body is, `verify --bodies` names the message.
 * Deliberately unknown here: what a start makes of the damage (test/contracts/log-damage).
 */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkBodies } from '../../src/cli/verify-bodies.ts';
import { SEAL_BLOCK_BYTES, sealPath } from '../../src/events/log-seals.ts';
import { walkLog } from '../../src/events/log-verify.ts';
import type { BodyPlace } from '../../src/events/message.ts';
import type { OpenedBodies } from '../../src/ports/body-store.ts';
import { openBodies } from '../../src/ports/node/bodies.ts';
import type { BodyRef } from '../../src/ports/ports.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore, sampleTurns } from '../contracts/log-store-place.ts';

const SEED = Number(process.env['LAW_SEED'] ?? Date.now());
const RUNS = { seed: SEED, numRuns: 60 };
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const change = fc.integer({ min: 1, max: 255 });

/** Changes one byte while `look` runs, then puts it back. */
const changed = async <T>(path: string, offset: number, by: number, look: () => T): Promise<T> => {
  const bytes = readFileSync(path);
  const before = bytes[offset] as number;
  bytes[offset] = before ^ by;
  writeFileSync(path, bytes);
  try {
    return await look();
  } finally {
    bytes[offset] = before;
    writeFileSync(path, bytes);
  }
};

test('a changed byte of a closed segment is found, whichever it is', () =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentBytesMax: 60_000 });
    opened.append(sampleTurns(400));
    for (const _ of readdirSync(join(dir, 'log'))) {
      opened.store.tend(() => {});
      await opened.store.sealNext();
    }
    const closed = opened.store.writer.sealed.map(({ path }) => path);
    opened.store.close();
    assert.ok(closed.length >= 3, `only ${closed.length} closed segments`);
    const whole = walkLog(dir, () => {});
    assert.deepEqual([whole.reports, whole.sealed], [[], closed.length]);
    const which = fc.nat({ max: closed.length - 1 });
    await fc.assert(
      fc.asyncProperty(which, place, change, async (index, where, by) => {
        const path = closed[index] as string;
        const offset = Math.floor(where * readFileSync(path).length);
        const { reports } = await changed(path, offset, by, () => walkLog(dir, () => {}));
        const told = reports.filter(({ segment }) => segment === basename(path));
        const byBytes = told.find(({ kind }) => kind === 'segment-changed');
        assert.ok(byBytes !== undefined, `byte ${offset} of ${path}: ${JSON.stringify(reports)}`);
        const block = offset - (offset % SEAL_BLOCK_BYTES);
        assert.match(byBytes.sentence, new RegExp(`bytes ${block} to `));
      }),
      RUNS,
    );
    assert.deepEqual(walkLog(dir, () => {}).reports, []);
  }));

test('a changed byte of a seal is no damage of the segment', () =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentBytesMax: 20_000 });
    opened.append(sampleTurns(120));
    opened.store.tend(() => {});
    await opened.store.sealNext();
    opened.store.close();
    const name = readdirSync(join(dir, 'log')).find((one) => one.endsWith('.seal')) as string;
    const path = join(dir, 'log', name);
    const { length } = readFileSync(path);
    for (let offset = 0; offset < length - 1; offset += 1) {
      const { reports } = await changed(path, offset, 1, () => walkLog(dir, () => {}));
      assert.deepEqual(
        reports.map(({ kind }) => kind),
        ['seal-damaged'],
        `byte ${offset}`,
      );
    }
  }));

test('a segment that is written again, or goes, takes its seal along', () =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentBytesMax: 20_000 });
    opened.append(sampleTurns(120));
    opened.store.tend(() => {});
    await opened.store.sealNext();
    const { path } = opened.store.writer.sealed[0] as { path: string };
    const last = opened.store.writer.path as string;
    opened.store.close();
    // As if the last had been closed for good, and were then found to be the one to go on with.
    copyFileSync(sealPath(path), sealPath(last));
    const again = openStore(dir);
    again.append(sampleTurns(1));
    again.store.close();
    assert.deepEqual(walkLog(dir, () => {}).reports, []);
  }));

const write = (store: OpenedBodies, text: string): Promise<BodyRef> =>
  new Promise((resolve) =>
    store.write('{}', [Buffer.from(text)], (outcome) => resolve(outcome as BodyRef)),
  );

test('a changed byte of a living body is found, whichever it is', () =>
  withDir(async (dir) => {
    const store = await openBodies({ dir: join(dir, 'bodies') });
    const refs: BodyRef[] = [];
    for (let at = 0; at < 20; at += 1) refs.push(await write(store, `body ${at} `.repeat(50)));
    await new Promise<void>((resolve) => store.close(resolve));
    const places = refs.map(
      ({ segment, offset, length, sum }, at) =>
        [`message ${at}`, [segment, offset, length, sum] as BodyPlace] as const,
    );
    const whole = await checkBodies(dir, places);
    assert.deepEqual([whole.living, whole.lost, whole.damaged], [20, 0, 0]);
    // A whole frame, but of another body: its place was used again.
    const [[, first]] = places as [readonly [string, BodyPlace]];
    const other: BodyPlace = [first[0], first[1], first[2], first[3] ^ 1];
    const reused = await checkBodies(dir, [['reused', other]]);
    assert.deepEqual([reused.lost, reused.damaged], [1, 0]);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 19 }), place, change, async (at, where, by) => {
        const { segment, offset, length } = refs[at] as BodyRef;
        const path = join(dir, 'bodies', `${String(segment).padStart(12, '0')}.bodies`);
        // The head of the record and the body behind it.
        const spot = offset + Math.floor(where * (64 + length));
        const found = await changed(path, spot, by, () => checkBodies(dir, places));
        assert.deepEqual(
          found.lostListed.map(({ message }) => message),
          [`message ${at}`],
        );
      }),
      RUNS,
    );
  }));
