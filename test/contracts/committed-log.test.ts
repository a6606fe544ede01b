/**
 * Both logs keep the contract for readers; and what is particular to segments that another thread
 * writes: they come, are sealed and go while a reader looks, their write-ahead log is moved on, and
 * damage is passed over and told once. Does not know what a record means.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DamageReport } from '../../src/events/log-report.ts';
import { openLogTail } from '../../src/events/log-tail.ts';
import { createMemoryLog, createMemoryStore } from '../../src/events/memory-log.ts';
import { createMemoryTail } from '../../src/events/memory-tail.ts';
import type { Log, RecordDraft, StoredRecord } from '../../src/ports/ports.ts';
import type { ReadPlace } from './committed-log-contract.ts';
import { committedLogContract, readAll, unsealed } from './committed-log-contract.ts';
import { closeLog, TestListener, toBatches, toStored } from './log-contract.ts';
import type { Settings } from './log-place.ts';
import { makeDir, openLog, removeDir, withDir, writeTurns } from './log-place.ts';
import { sampleTurns } from './log-store-place.ts';

/** Appends behind what was appended before. */
const appender = (log: Log, listener: TestListener, begin = { position: 1, turn: 1 }) => {
  let { position, turn } = begin;
  return async (turns: readonly (readonly RecordDraft[])[]): Promise<StoredRecord[]> => {
    const batches = toBatches(turns, { position, turn });
    for (const batch of batches) log.append(batch);
    const stored = toStored(batches);
    position += stored.length;
    turn += batches.length;
    if (batches.length > 0) await listener.untilDurable(turn - 1);
    return stored;
  };
};

const soon = (task: () => void): void => queueMicrotask(task);

const makeMemoryPlace = async (): Promise<ReadPlace> => {
  const store = createMemoryStore();
  const listener = new TestListener();
  const log = createMemoryLog(soon, listener, store);
  const tail = createMemoryTail(store, soon);
  return { tail, append: appender(log, listener), dispose: () => closeLog(log) };
};

const makeSqlitePlace = async (settings: Settings = {}) => {
  const dir = makeDir();
  const { log, listener, mark } = await openLog(dir, settings);
  const reports: DamageReport[] = [];
  const tail = openLogTail({ dir, mark, reported: (report) => reports.push(report) });
  return {
    dir,
    log,
    tail,
    reports,
    append: appender(log, listener),
    listener,
    dispose: async () => {
      tail.close();
      await closeLog(log);
      removeDir(dir);
    },
  };
};

committedLogContract('memory', makeMemoryPlace, 100);
committedLogContract('sqlite', () => makeSqlitePlace(), 4);

const segmentsOf = (dir: string): string[] =>
  readdirSync(join(dir, 'log')).filter((name) => name.endsWith('.db'));

const pause = (waitMs: number): Promise<void> => new Promise((done) => setTimeout(done, waitMs));

test('sqlite: readers of different pace see all while segments come and are sealed', async () => {
  const place = await makeSqlitePlace({ segmentBytesMax: 60_000, checkpointPages: 8 });
  const { tail, append, dir } = place;
  try {
    const written: StoredRecord[] = [];
    const fast: StoredRecord[] = [];
    const slow: StoredRecord[] = [];
    let fastAt = 0;
    let slowAt = 0;
    for (let count = 0; count < 40; count++) {
      written.push(...(await append(sampleTurns(20))));
      const more = tail.read(fastAt, 1_000);
      fast.push(...unsealed(more.records));
      fastAt = more.upto;
      const less = tail.read(slowAt, 7);
      slow.push(...unsealed(less.records));
      slowAt = less.upto;
      if (count % 10 === 9) await pause(1_100);
    }
    assert.ok(segmentsOf(dir).length > 4, 'several segments were written');
    assert.deepEqual(fast, written);
    slow.push(...unsealed(readAll(tail, 500, slowAt)));
    assert.deepEqual(slow, written);
    tail.rest();
    await pause(1_500);
    const open = readdirSync(join(dir, 'log')).filter((name) => name.endsWith('-wal'));
    assert.ok(open.length <= 1, `only the newest is not sealed: ${open}`);
    assert.deepEqual(place.reports, []);
  } finally {
    await place.dispose();
  }
});

test('sqlite: a reader does not keep the write-ahead log from being moved on', async () => {
  const place = await makeSqlitePlace({ checkpointPages: 50 });
  const { tail, append, dir } = place;
  try {
    let cursor = 0;
    for (let count = 0; count < 60; count++) {
      await append(sampleTurns(20));
      cursor = tail.read(cursor, 1_000).upto;
    }
    const wal = join(dir, 'log', `${segmentsOf(dir).at(-1)}-wal`);
    const bytes = statSync(wal).size;
    assert.ok(bytes < 2_000_000, `the write-ahead log has grown to ${bytes} bytes`);
  } finally {
    await place.dispose();
  }
});

/** The locks of this process, as the kernel knows them. */
const locksOfOurs = (): string[] =>
  readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${process.pid} `))
    .map((line) => line.replace(/^\d+: /, ''))
    .sort();

const NO_LOCKS = existsSync('/proc/locks') ? false : 'the kernel does not list locks here';

test('sqlite: reading leaves the locks of the writer alone', { skip: NO_LOCKS }, async () => {
  const place = await makeSqlitePlace();
  const { tail, append } = place;
  try {
    await append(sampleTurns(3));
    const before = locksOfOurs();
    assert.ok(before.length >= 2, 'the log is locked while it is written');
    assert.ok(tail.read(0, 100).records.length > 0);
    tail.rest();
    assert.ok(tail.read(0, 100).records.length > 0);
    assert.deepEqual(locksOfOurs(), before);
  } finally {
    await place.dispose();
  }
});

test('sqlite: the log of a stopped daemon is read; what was removed is before the first', () =>
  withDir(async (dir) => {
    const settings = { segmentBytesMax: 20_000 };
    const written = await writeTurns(dir, sampleTurns(200), settings);
    const tail = openLogTail({ dir });
    assert.deepEqual(unsealed(readAll(tail, 64)), written);
    const [, second = ''] = segmentsOf(dir);
    rmSync(join(dir, 'log', segmentsOf(dir)[0] ?? ''));
    const first = Number.parseInt(second, 10);
    assert.equal(tail.first(), first);
    assert.equal(tail.find(1), undefined);
    assert.deepEqual(unsealed(readAll(tail, 64)), written.slice(first - 1));
    tail.close();
  }));

test('sqlite: damaged records are left out, told once, and stop nobody', () =>
  withDir(async (dir) => {
    const settings = { segmentBytesMax: 40_000 };
    const written = await writeTurns(dir, sampleTurns(200), settings);
    const [victim = '', broken = ''] = segmentsOf(dir);
    const path = join(dir, 'log', victim);
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"turn":25,');
    assert.ok(at > 0);
    bytes.write('"turn":26,', at);
    // A page that is no page any more, far from the record changed above.
    bytes.fill(0xff, 4 * 4096, 5 * 4096);
    writeFileSync(path, bytes);
    writeFileSync(join(dir, 'log', broken), 'no database');
    const reports: DamageReport[] = [];
    const tail = openLogTail({ dir, reported: (report) => reports.push(report) });
    const read = unsealed(readAll(tail, 16));
    const again = unsealed(readAll(tail, 50));
    assert.deepEqual(again, read);
    for (const record of read) assert.deepEqual(record, written[record.position - 1]);
    const lost = written.filter(({ position }) => !read.some((one) => one.position === position));
    assert.ok(lost.length > 0 && read.length > written.length / 2);
    assert.ok(reports.some(({ kind }) => kind === 'record-damaged'));
    assert.ok(reports.some(({ kind }) => kind === 'position-missing'));
    const unreadable = reports.filter(({ kind }) => kind === 'segment-unreadable');
    assert.equal(unreadable.length, 1);
    tail.close();
  }));
