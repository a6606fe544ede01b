/**
 * Flipped bits and cut files, at random: every start succeeds, and nothing changes in silence.
 * The one idea: whatever is replayed equals what was written at that position, and whenever
 * something that was written is not replayed, a report says so.
 * Deliberately unknown here: what the report says in particular (test/examples/log-salvage).
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { makeDir, removeDir } from './log-place.ts';
import type { OpenStore } from './log-store-place.ts';
import { copyAsKilled, openStore, sampleTurns } from './log-store-place.ts';

const TURNS = 60;
const SEGMENT = '000000000001.db';

let origin = '';
let running: OpenStore;
let written: StoredRecord[];

before(() => {
  origin = makeDir();
  // Small enough that both the file and its write-ahead log hold records.
  running = openStore(origin, { checkpointPages: 60 });
  written = running.append(sampleTurns(TURNS));
  // One body that spills over several pages, in the write-ahead log.
  const turns = sampleTurns(1, 20_000);
  written.push(...running.append(turns));
  const wal = statSync(join(origin, 'log', `${SEGMENT}-wal`));
  assert.ok(wal.size > 20_000 && statSync(join(origin, 'log', SEGMENT)).size > 20_000);
});

after(() => {
  running.store.close();
  removeDir(origin);
});

/** Copies the log as a kill would leave it, damages it, and checks two starts. */
const survives = (damage: (dir: string) => void): void => {
  const dir = makeDir();
  try {
    copyAsKilled(origin, dir);
    damage(dir);
    const kept = checkStart(dir, written);
    checkStart(dir, kept);
  } finally {
    removeDir(dir);
  }
};

/** Opens, replays, appends, closes; answers what the next start has to find. */
const checkStart = (dir: string, expected: readonly StoredRecord[]): StoredRecord[] => {
  const opened = openStore(dir);
  const replayed = opened.replay();
  const byPosition = new Map(expected.map((record) => [record.position, record]));
  for (const record of replayed) assert.deepEqual(record, byPosition.get(record.position));
  const isComplete = replayed.length === expected.length;
  assert.ok(isComplete || opened.reports.length > 0, 'records are missing and no report says so');
  const lastWritten = expected.at(-1)?.position ?? 0;
  assert.ok(opened.store.writer.tail.position >= lastWritten, 'a position would be given twice');
  const appended = opened.append(sampleTurns(2));
  opened.store.close();
  return [...replayed, ...appended];
};

const flipBit = (path: string, place: number, bit: number): void => {
  const bytes = readFileSync(path);
  const offset = Math.floor(place * bytes.length);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  writeFileSync(path, bytes);
};

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const FILES = [join('log', SEGMENT), join('log', `${SEGMENT}-wal`), 'high-water'];

for (const [file, numRuns] of [
  [0, 90],
  [1, 60],
  [2, 15],
] as const) {
  const name = FILES[file] ?? '';
  test(`a bit flipped anywhere in ${name} is survived and never silent`, () => {
    fc.assert(
      fc.property(place, fc.nat(7), (where, bit) => {
        survives((dir) => flipBit(join(dir, name), where, bit));
      }),
      { numRuns },
    );
  });
}

test('every byte of the header and the schema page may be flipped', () => {
  fc.assert(
    fc.property(fc.nat(1_500), fc.nat(7), (offset, bit) => {
      survives((dir) => {
        const path = join(dir, 'log', SEGMENT);
        flipBit(path, (offset + 0.5) / statSync(path).size, bit);
      });
    }),
    { numRuns: 60 },
  );
});

test('a file cut anywhere, or zeroed for a page, is survived and never silent', () => {
  fc.assert(
    fc.property(fc.constantFrom(...FILES), place, fc.boolean(), (name, where, isCut) => {
      survives((dir) => {
        const path = join(dir, name);
        const size = statSync(path).size;
        if (isCut) return truncateSync(path, Math.floor(where * size));
        const bytes = readFileSync(path);
        const from = Math.floor(where * size);
        bytes.fill(0, from, Math.min(size, from + 4096));
        writeFileSync(path, bytes);
      });
    }),
    { numRuns: 60 },
  );
});

test('an undamaged copy is replayed whole and without a report', () => {
  const dir = makeDir();
  try {
    copyAsKilled(origin, dir);
    assert.ok(existsSync(join(dir, 'log', `${SEGMENT}-wal`)));
    const opened = openStore(dir);
    assert.deepEqual(opened.replay(), written);
    assert.deepEqual(opened.reports, []);
    opened.store.close();
  } finally {
    removeDir(dir);
  }
});
