/**
 * Segments: when a new one is begun, what an old one looks like, when it goes.
 * The one idea: files are looked at with SQLite itself, as an operator would.
 * Deliberately unknown here: threads.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { walkLog } from '../../src/events/log-verify.ts';
import { withDir } from '../contracts/log-place.ts';
import { openStore, sampleTurns } from '../contracts/log-store-place.ts';

const NOON = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const names = (dir: string): string[] => readdirSync(join(dir, 'log')).sort();

test('a segment that has grown is followed by one named for its first position', () =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentBytesMax: 20_000 });
    const written = opened.append(sampleTurns(120));
    opened.store.close();
    const segments = names(dir);
    assert.ok(segments.length >= 3, segments.join());
    assert.equal(segments[0], '000000000001.db');
    // Closed segments are single files that can be copied; the last was closed with the log.
    assert.deepEqual(
      segments.filter((name) => !name.endsWith('.db')),
      [],
    );
    for (const name of segments) {
      const db = new Database(join(dir, 'log', name), { readonly: true });
      const first = db.prepare('SELECT min(position) FROM event').pluck().get();
      assert.equal(first, Number.parseInt(name, 10));
      db.close();
    }
    const again = openStore(dir);
    assert.deepEqual(again.replay(), written);
    assert.deepEqual(again.replay(50), written.slice(49));
    assert.deepEqual(again.reports, []);
    again.store.close();
    const walk = walkLog(dir, () => {});
    assert.equal(walk.records, written.length);
    assert.equal(walk.segments, segments.length);
    assert.deepEqual(walk.reports, []);
  }));

test('a segment whose first record is a day old is followed by the next, at a turn', () =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentAgeMsMax: 24 * HOUR_MS });
    opened.append(sampleTurns(2), NOON);
    opened.append(sampleTurns(2), NOON + 23 * HOUR_MS);
    opened.append(sampleTurns(2), NOON + 25 * HOUR_MS);
    opened.store.close();
    assert.deepEqual(names(dir), ['000000000001.db', '000000000007.db']);
  }));

test('a segment can be read at the sqlite3 prompt while it is written', () =>
  withDir(async (dir) => {
    const opened = openStore(dir);
    opened.append(sampleTurns(1), NOON);
    const db = new Database(join(dir, 'log', '000000000001.db'), { readonly: true });
    const row = db.prepare('SELECT time, stream, type FROM timeline').get();
    assert.deepEqual(row, {
      time: '2023-11-14T22:13:20.000Z',
      stream: 'queue:tenant@host-0.example',
      type: 'message.accepted',
    });
    opened.append(sampleTurns(1), NOON);
    assert.equal(db.prepare('SELECT count(*) FROM event').pluck().get(), 2);
    db.close();
    opened.store.close();
  }));

test('a segment that a reader looks at is closed once the reader has gone', () =>
  withDir(async (dir) => {
    const opened = openStore(dir, { segmentBytesMax: 8_192 });
    opened.append(sampleTurns(10));
    const old = join(dir, 'log', '000000000001.db');
    const db = new Database(old, { readonly: true });
    const rows = db.prepare('SELECT position FROM event').iterate();
    rows.next();
    opened.append(sampleTurns(10));
    opened.store.tend(assert.fail);
    assert.ok(existsSync(`${old}-wal`));
    assert.equal(opened.store.reader.read(2)?.position, 2);
    rows.return?.();
    db.close();
    opened.store.tend(assert.fail);
    assert.ok(!existsSync(`${old}-wal`));
    assert.equal(opened.store.reader.read(2)?.position, 2);
    opened.store.close();
  }));

test('a segment goes when it is released, old, and covered by both snapshots', () =>
  withDir(async (dir) => {
    const settings = { segmentAgeMsMax: HOUR_MS, keepMs: 3.5 * HOUR_MS };
    const opened = openStore(dir, settings);
    for (let hour = 0; hour < 6; hour++) opened.append(sampleTurns(2), NOON + hour * HOUR_MS);
    opened.store.tend(assert.fail);
    const first = '000000000001.db';
    opened.store.releaseBefore(12);
    assert.ok(names(dir).includes(first), 'no snapshot holds what is in it');
    await opened.store.saveSnapshot(2, new Uint8Array(8));
    await opened.store.saveSnapshot(12, new Uint8Array(8));
    assert.ok(names(dir).includes(first), 'the older snapshot needs it');
    await opened.store.saveSnapshot(13, new Uint8Array(8));
    assert.deepEqual(
      names(dir).filter((name) => name.endsWith('.db')),
      ['000000000007.db', '000000000010.db', '000000000013.db', '000000000016.db'],
    );
    const written = opened.replay(13).length;
    opened.store.close();
    const again = openStore(dir);
    assert.deepEqual(again.reports, [], 'what was released is not missing');
    assert.equal(again.store.recovery.snapshot?.position, 13);
    assert.equal(again.replay(14).length, 5);
    assert.equal(written, 0);
    again.store.close();
    assert.deepEqual(walkLog(dir, () => {}).reports, []);
  }));

test('files belong to the owner alone', () =>
  withDir(async (dir) => {
    const opened = openStore(dir);
    opened.append(sampleTurns(3));
    await opened.store.saveSnapshot(1, new Uint8Array(8));
    for (const folder of ['', 'log', 'snapshots']) {
      assert.equal(statSync(join(dir, folder)).mode & 0o777, 0o700);
      for (const entry of readdirSync(join(dir, folder), { withFileTypes: true })) {
        const mode = statSync(join(dir, folder, entry.name)).mode & 0o777;
        if (entry.isFile()) assert.equal(mode, 0o600, entry.name);
      }
    }
    opened.store.close();
  }));
