/**
 * Snapshots that are damaged, foreign or from the future.
 * The one idea: a picture that does not hold is skipped and said so; history fills in.
 * Deliberately unknown here: what is in a picture.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sumOf } from '../../src/events/log-chain.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore, sampleTurns } from '../contracts/log-store-place.ts';

const NEWEST = '000000000004.snap';
const HEADER_BYTES = 512;

/** A log of six turns with snapshots at 1, 2 and 4. */
const prepare = async (dir: string): Promise<void> => {
  const opened = openStore(dir);
  opened.append(sampleTurns(6));
  for (const position of [1, 2, 4]) {
    await opened.store.saveSnapshot(position, new Uint8Array(3_000_000).fill(position));
  }
  opened.store.close();
};

/** What the next start makes of it: the position of the snapshot used, and the reports. */
const reopen = (dir: string): [position: number | undefined, sentences: string[]] => {
  const { store, reports } = openStore(dir);
  const { snapshot } = store.recovery;
  if (snapshot !== undefined) {
    assert.deepEqual(new Set(snapshot.bytes), new Set([snapshot.position]));
    assert.equal(snapshot.bytes.length, 3_000_000);
  }
  store.close();
  return [snapshot?.position, reports.map(({ sentence }) => sentence)];
};

const change = (dir: string, name: string, how: (bytes: Buffer) => Buffer): void => {
  const path = join(dir, 'snapshots', name);
  writeFileSync(path, how(readFileSync(path)));
};

test('the newest two are kept and the newest is used', () =>
  withDir(async (dir) => {
    await prepare(dir);
    assert.deepEqual(readdirSync(join(dir, 'snapshots')).sort(), ['000000000002.snap', NEWEST]);
    assert.deepEqual(reopen(dir), [4, []]);
  }));

test('a damaged one is skipped for the older, and two damaged ones for none', () =>
  withDir(async (dir) => {
    await prepare(dir);
    change(dir, NEWEST, (bytes) => bytes.fill(9, 2_000_000, 2_000_001));
    const [position, sentences] = reopen(dir);
    assert.equal(position, 2);
    assert.match(sentences.join(), /snapshot at position 4 is damaged/);
    change(dir, '000000000002.snap', (bytes) => bytes.subarray(0, 1_000_000));
    assert.equal(reopen(dir)[0], undefined);
    const opened = openStore(dir);
    assert.equal(opened.replay().length, 12);
    opened.store.close();
  }));

test('one of a newer Waybill is skipped', () =>
  withDir(async (dir) => {
    await prepare(dir);
    change(dir, NEWEST, (bytes) => {
      const { sum: _sum, ...fields } = JSON.parse(bytes.toString('latin1', 0, HEADER_BYTES));
      const newer = { ...fields, format: 2 };
      const line = JSON.stringify({ ...newer, sum: sumOf(JSON.stringify(newer)) });
      bytes.write(`${line.padEnd(HEADER_BYTES - 1)}\n`, 0, 'latin1');
      return bytes;
    });
    const [position, sentences] = reopen(dir);
    assert.equal(position, 2);
    assert.match(sentences.join(), /written by a newer Waybill \(format 2\)/);
  }));

test('one of another history is skipped', () =>
  withDir(async (dir) =>
    withDir(async (other) => {
      await prepare(dir);
      await prepare(other);
      change(dir, NEWEST, () => readFileSync(join(other, 'snapshots', NEWEST)));
      const [position, sentences] = reopen(dir);
      assert.equal(position, 2);
      assert.match(sentences.join(), /belongs to another history/);
    }),
  ));

test('a snapshot of a position that is not durable is refused', () =>
  withDir(async (dir) => {
    const { store } = openStore(dir);
    await assert.rejects(store.saveSnapshot(1, new Uint8Array(1)), /position 1 is not durable/);
    store.close();
  }));

test('what a crash left of a snapshot is swept away', () =>
  withDir(async (dir) => {
    await prepare(dir);
    writeFileSync(join(dir, 'snapshots', '000000000009.snap.tmp'), 'half');
    assert.deepEqual(reopen(dir), [4, []]);
    assert.equal(readdirSync(join(dir, 'snapshots')).length, 2);
  }));
