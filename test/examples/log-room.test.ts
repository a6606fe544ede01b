/**
 * A disk that fills exactly when the log begins another segment, or while it tidies up: nothing
 * that was committed is lost, and the log goes on by itself when space returns.
 * Deliberately unknown here: turns' contents, the engine.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSegment } from '../../src/events/log-segments.ts';
import { openSqliteLog } from '../../src/events/sqlite-log.ts';
import { closeLog, draft, TestListener } from '../contracts/log-contract.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore } from '../contracts/log-store-place.ts';
import { mountTinyDisk } from '../faults/tiny-disk.ts';

const PAGE_BYTES = 4096;
const MIB = 1024 * 1024;
/** Free pages left when the segment is due to roll; the layout of one takes about twenty. */
const FREE_PAGES = Array.from({ length: 32 }, (_, pages) => pages);
const COMMITTED = /^SQLITE_(FULL|IOERR)/;

/** A segment that is over after a few records of this size. */
const SMALL = { segmentBytesMax: 20_000, keepMs: 1e12 };
const BIG_BODY = JSON.stringify({ x: 'y'.repeat(3_000) });
const BODY = JSON.stringify({ x: 'y'.repeat(300) });

/** Fills a disk up to `pages` free pages; the answer gives the space back. */
function fill(path: string, freeBytes: number, pages: number): () => void {
  const fd = openSync(join(path, 'filler'), 'w');
  const bytes = freeBytes - pages * PAGE_BYTES;
  for (let left = bytes; left > 0; left -= MIB) {
    writeSync(fd, Buffer.alloc(Math.min(left, MIB)));
  }
  return () => {
    ftruncateSync(fd, 0);
    closeSync(fd);
  };
}

/** Appends before, during and after the shortage; answers how many were committed and are there. */
function rollOnFullDisk(place: string, pages: number): string | undefined {
  const disk = mountTinyDisk(place, 'size=6m');
  if (typeof disk === 'string') return disk;
  try {
    const dir = join(disk.path, 'data');
    mkdirSync(dir);
    const opened = openStore(dir, SMALL);
    let committed = 0;
    let at = 1_700_000_000_000;
    const put = (body = BODY): void => {
      at += 1;
      try {
        opened.append([[draft(body)]], at);
        committed += 1;
      } catch (error) {
        assert.match((error as { code?: string }).code ?? '', COMMITTED);
      }
    };
    for (let count = 0; count < 3; count++) put(BIG_BODY);
    const free = fill(disk.path, disk.freeBytes(), pages);
    for (let count = 0; count < 3; count++) put();
    free();
    for (let count = 0; count < 3; count++) put();
    opened.store.close();
    const again = openStore(dir, SMALL);
    assert.equal(again.replay().length, committed, `with ${pages} free pages`);
    assert.deepEqual(again.reports, [], `with ${pages} free pages`);
    again.store.close();
  } finally {
    disk.remove();
  }
  return undefined;
}

test('a disk that fills at a roll costs nothing that was committed', (t) =>
  withDir(async (dir) => {
    for (const pages of FREE_PAGES) {
      const why = rollOnFullDisk(join(dir, `${pages}`), pages);
      if (why !== undefined) return t.skip(why);
    }
  }));

test('a roll that fails half way leaves nothing that hides what follows', () =>
  withDir((dir) => {
    const opened = openStore(dir, SMALL);
    let at = 1_700_000_000_000;
    const put = (count: number): void => {
      for (let left = count; left > 0; left -= 1) {
        at += 1;
        opened.append([[draft(BIG_BODY)]], at);
      }
    };
    put(3);
    // Whatever segment comes next cannot have its write-ahead log.
    const names = Array.from({ length: 40 }, (_, index) => `${index + 4}`.padStart(12, '0'));
    const blocks = names.map((name) => join(dir, 'log', `${name}.db-wal`));
    for (const block of blocks) symlinkSync(join(dir, 'nowhere', 'wal'), block);
    put(20);
    for (const block of blocks) rmSync(block, { force: true });
    put(3);
    opened.store.close();
    const again = openStore(dir, SMALL);
    assert.equal(again.replay().length, 26);
    assert.deepEqual(again.reports, []);
    again.store.close();
    return Promise.resolve();
  }));

test('an empty segment that begins inside another is dropped at the start', () =>
  withDir((dir) => {
    const opened = openStore(dir);
    opened.append(Array.from({ length: 5 }, () => [draft('{}')]));
    opened.store.close();
    const { node } = opened.store.recovery;
    const chainBefore = '0'.repeat(32);
    createSegment(join(dir, 'log'), { format: 1, node, first: 3, after: 2, chainBefore });
    const again = openStore(dir);
    assert.equal(again.replay().length, 5);
    assert.deepEqual(again.reports, []);
    again.store.close();
    return Promise.resolve();
  }));

test('a disk that is full while a segment is closed is no end of the log', (t) =>
  withDir(async (dir) => {
    const disk = mountTinyDisk(join(dir, 'disk'), 'size=40m');
    if (typeof disk === 'string') return t.skip(disk);
    try {
      const data = join(disk.path, 'data');
      mkdirSync(data);
      const listener = new TestListener();
      const settings = { segmentBytesMax: 300_000, freeBytesMin: 0, retryMs: 20 };
      const { log } = await openSqliteLog({ dir: data, listener, ...settings });
      let turn = 0;
      const put = (): void => {
        turn += 1;
        log.append({ turn, at: turn, position: turn, drafts: [draft(BIG_BODY)] });
      };
      for (let count = 0; count < 120; count++) put();
      await listener.untilDurable(turn);
      const names = readdirSync(join(data, 'log')).filter((name) => name.endsWith('.db'));
      assert.ok(names.length > 1, 'it has rolled');
      const free = fill(disk.path, disk.freeBytes(), 0);
      await listener.until(() => listener.rooms.at(-1) === false);
      free();
      put();
      put();
      await listener.untilDurable(turn);
      await listener.until(() => listener.rooms.at(-1) === true);
      assert.deepEqual(
        listener.faults.filter(({ retryable }) => !retryable),
        [],
      );
      await closeLog(log);
    } finally {
      disk.remove();
    }
  }));
