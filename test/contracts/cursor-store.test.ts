/**
 * Cursors of readers: kept in memory and in a file alike; over a kill without a sync; and a damaged
 * file moves readers back, says so, and refuses no start. Does not know what readers do.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Cursor, CursorStore } from '../../src/events/cursor-store.ts';
import { createMemoryCursors, openCursorStore } from '../../src/events/cursor-store.ts';
import { makeDir, removeDir, withDir } from './log-place.ts';

const cursorAt = (name: string, position: number, more: Partial<Cursor> = {}): Cursor => ({
  name,
  position,
  at: 1_700_000_000_000 + position,
  state: 'running',
  error: '',
  shipped: position,
  deadLettered: 0,
  fallenOff: 0,
  ...more,
});

interface Place {
  open(): CursorStore;
  dispose(): void;
}

const makeMemoryPlace = (): Place => {
  const kept = new Map<string, Cursor>();
  return { open: () => createMemoryCursors(kept), dispose: () => {} };
};

const makeSqlitePlace = (): Place => {
  const dir = makeDir();
  return { open: () => openCursorStore(dir), dispose: () => removeDir(dir) };
};

const cursor = fc
  .record({
    name: fc.constantFrom('webhook', 'billing', 'ünï/cødé'),
    position: fc.nat(),
    state: fc.constantFrom('running', 'paused', 'disabled'),
    error: fc.string(),
  })
  .map(({ name, position, ...more }) => cursorAt(name, position, more as Partial<Cursor>));
const step = fc.oneof(
  cursor.map((one) => ({ save: one })),
  fc.constantFrom('webhook', 'billing').map((name) => ({ forget: name })),
  fc.constant('tend' as const),
  fc.constant('reopen' as const),
);

for (const [name, make, numRuns] of [
  ['memory', makeMemoryPlace, 200],
  ['sqlite', makeSqlitePlace, 15],
] as const) {
  test(`${name}: what was saved last is what is found, over any number of restarts`, () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const place = make();
        let store = place.open();
        const expected = new Map<string, Cursor>();
        try {
          for (const one of steps) {
            if (one === 'tend') store.tend();
            else if (one === 'reopen') {
              store.close();
              store = place.open();
            } else if ('save' in one) {
              store.save(one.save);
              expected.set(one.save.name, one.save);
            } else {
              store.forget(one.forget);
              expected.delete(one.forget);
            }
            assert.deepEqual(new Set(store.list()), new Set(expected.values()));
            for (const [key, kept] of expected) assert.deepEqual(store.find(key), kept);
            assert.deepEqual([...store.damage], []);
          }
        } finally {
          store.close();
          place.dispose();
        }
      }),
      { numRuns },
    ));
}

const FILE = 'cursors.db';
const COPY = 'cursors.copy';

test('a save is there after a kill, without a flush', () =>
  withDir(async (dir) => {
    const store = openCursorStore(dir);
    store.save(cursorAt('webhook', 41));
    store.save(cursorAt('webhook', 42, { until: 50 }));
    const killed = makeDir();
    for (const suffix of ['', '-wal']) {
      copyFileSync(join(dir, FILE + suffix), join(killed, FILE + suffix));
    }
    const again = openCursorStore(killed);
    assert.deepEqual(again.list(), [cursorAt('webhook', 42, { until: 50 })]);
    again.close();
    store.close();
    removeDir(killed);
  }));

test('where a reader begins outlives a power cut at once, where it is outlives a kill', () =>
  withDir(async (dir) => {
    const store = openCursorStore(dir);
    const afterCut = (): readonly number[] => {
      const cut = makeDir();
      copyFileSync(join(dir, FILE), join(cut, FILE));
      const again = openCursorStore(cut);
      const found = again.list().map(({ position }) => position);
      again.close();
      removeDir(cut);
      return found;
    };
    store.save(cursorAt('webhook', 7));
    assert.deepEqual(afterCut(), [7], 'one that is lost would begin later: records between go');
    store.save(cursorAt('webhook', 9));
    assert.deepEqual(afterCut(), [7], 'one that goes on costs no sync');
    store.close();
  }));

test('a flush leaves nothing that only the write-ahead log holds', () =>
  withDir(async (dir) => {
    const store = openCursorStore(dir);
    store.save(cursorAt('webhook', 7));
    store.tend();
    const flushed = makeDir();
    copyFileSync(join(dir, FILE), join(flushed, FILE));
    const again = openCursorStore(flushed);
    assert.equal(again.find('webhook')?.position, 7);
    again.close();
    store.close();
    removeDir(flushed);
  }));

/** A closed store with two cursors, its copy older than the file. */
const prepare = (dir: string): void => {
  const store = openCursorStore(dir);
  store.save(cursorAt('billing', 10));
  store.save(cursorAt('webhook', 20));
  store.close();
  const older = readFileSync(join(dir, COPY));
  const again = openCursorStore(dir);
  again.save(cursorAt('webhook', 30));
  again.close();
  writeFileSync(join(dir, COPY), older);
};

test('a file that is none falls back to the copy, says so, and works', () =>
  withDir(async (dir) => {
    prepare(dir);
    writeFileSync(join(dir, FILE), 'no database at all, but long enough to be one'.repeat(200));
    const store = openCursorStore(dir);
    assert.equal(store.hasForgotten, true);
    assert.match(store.damage[0] ?? '', /cursors\.db is damaged .* from older cursors and repeat/);
    assert.equal(store.find('webhook')?.position, 20);
    assert.ok(existsSync(join(dir, `${FILE}.damaged`)));
    store.save(cursorAt('webhook', 31));
    store.close();
    const again = openCursorStore(dir);
    assert.deepEqual([...again.damage], []);
    assert.equal(again.find('webhook')?.position, 31);
    assert.equal(again.find('billing')?.position, 10);
    again.close();
  }));

test('a cursor that is changed on disk goes back to the copy alone', () =>
  withDir(async (dir) => {
    prepare(dir);
    const path = join(dir, FILE);
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"position":30');
    assert.ok(at > 0);
    bytes.write('"position":99', at);
    writeFileSync(path, bytes);
    const store = openCursorStore(dir);
    assert.match(store.damage[0] ?? '', /the cursor of webhook is damaged; .* position 20/);
    assert.equal(store.find('webhook')?.position, 20);
    assert.equal(store.find('billing')?.position, 10);
    store.close();
  }));

test('without a copy readers are told to begin at the beginning', () =>
  withDir(async (dir) => {
    prepare(dir);
    rmSync(join(dir, COPY));
    writeFileSync(join(dir, FILE), 'x'.repeat(9_000));
    const store = openCursorStore(dir);
    assert.equal(store.hasForgotten, true);
    assert.match(store.damage[0] ?? '', /from the beginning of the log/);
    assert.deepEqual(store.list(), []);
    store.close();
  }));

test('a file that was taken away is found in the copy', () =>
  withDir(async (dir) => {
    prepare(dir);
    rmSync(join(dir, FILE));
    const store = openCursorStore(dir);
    assert.match(store.damage[0] ?? '', /cursors\.db is missing/);
    assert.equal(store.find('webhook')?.position, 20);
    store.close();
  }));

test('a new directory has no cursors and nothing to complain about', () =>
  withDir(async (dir) => {
    const store = openCursorStore(dir);
    assert.deepEqual([store.list(), store.damage, store.hasForgotten], [[], [], false]);
    store.close();
  }));
