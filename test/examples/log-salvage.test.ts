/**
 * Particular kinds of damage, and what the start says and does about each.
 * The one idea: the log goes on behind what was lost, and nothing damaged is written over.
 * Deliberately unknown here: random damage (test/contracts/log-damage).
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { sealText, sumOf } from '../../src/events/log-chain.ts';
import { walkLog } from '../../src/events/log-verify.ts';
import { withDir } from '../contracts/log-place.ts';
import { copyAsKilled, openStore, sampleTurns } from '../contracts/log-store-place.ts';

const SEGMENT = '000000000001.db';

/** Writes turns and closes; answers the records. */
const write = (dir: string, turns: number, settings = {}) => {
  const opened = openStore(dir, settings);
  const written = opened.append(sampleTurns(turns));
  opened.store.close();
  return written;
};

const edit = (dir: string, sql: string, ...values: unknown[]): void => {
  const db = new Database(join(dir, 'log', SEGMENT));
  db.prepare(sql).run(...values);
  db.close();
};

const kindsOf = (reports: readonly { kind: string; position?: number }[]): string[] =>
  reports.map(({ kind, position }) => `${kind} ${position ?? ''}`.trim());

test('a segment that is no database any more is set aside, and what proves itself is saved', () =>
  withDir(async (dir) => {
    const written = write(dir, 30);
    const path = join(dir, 'log', SEGMENT);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xff, 0, 4096));
    const opened = openStore(dir);
    assert.deepEqual(opened.replay(), written);
    assert.deepEqual(kindsOf(opened.reports), ['segment-unreadable 1']);
    assert.deepEqual(readFileSync(`${path}.damaged`), bytes);
    const next = opened.append(sampleTurns(1));
    opened.store.close();
    assert.ok(existsSync(join(dir, 'log', `0000000000${next[0]?.position}.db`)));
    const again = openStore(dir);
    assert.deepEqual(again.replay(), [...written, ...next]);
    assert.deepEqual(again.reports, []);
    again.store.close();
  }));

test('a damaged page costs its own records only, and the tail is not written over', () =>
  withDir(async (dir) => {
    const written = write(dir, 60);
    const path = join(dir, 'log', SEGMENT);
    const bytes = readFileSync(path);
    const place = bytes.indexOf('"turn":30');
    const page = Math.floor(place / 4096) * 4096;
    writeFileSync(path, bytes.fill(0, page, page + 4096));
    const opened = openStore(dir);
    const replayed = opened.replay();
    assert.ok(replayed.length > written.length - 15 && replayed.length < written.length);
    assert.ok(opened.reports.some(({ kind }) => kind === 'position-missing'));
    const [next] = opened.append(sampleTurns(1));
    assert.equal(next?.position, written.length + 1);
    assert.equal(opened.store.writer.path?.endsWith(`${written.length + 1}.db`), true);
    opened.store.close();
  }));

test('a write-ahead log that vanished is reported against the high-water mark', () =>
  withDir(async (origin) =>
    withDir(async (dir) => {
      const running = openStore(origin);
      const written = running.append(sampleTurns(20));
      copyAsKilled(origin, dir);
      running.store.close();
      rmSync(join(dir, 'log', `${SEGMENT}-wal`));
      const opened = openStore(dir);
      assert.deepEqual(opened.replay(), []);
      assert.deepEqual(kindsOf(opened.reports), ['log-shortened 1']);
      assert.equal(opened.store.writer.tail.position, written.length);
      const next = opened.append(sampleTurns(2));
      assert.equal(next[0]?.position, written.length + 1);
      opened.store.close();
      const again = openStore(dir);
      assert.deepEqual(again.reports, [], 'the loss was said when it was found');
      assert.deepEqual(again.replay(), next);
      again.store.close();
      assert.deepEqual(kindsOf(walkLog(dir, () => {}).reports), ['position-missing 1']);
    }),
  ));

test('a write-ahead log of another data directory is found out', () =>
  withDir(async (ours) =>
    withDir(async (theirs) =>
      withDir(async (dir) => {
        const one = openStore(ours);
        one.append(sampleTurns(20));
        const other = openStore(theirs);
        other.append(sampleTurns(25));
        copyAsKilled(ours, dir);
        writeFileSync(
          join(dir, 'log', `${SEGMENT}-wal`),
          readFileSync(join(theirs, 'log', `${SEGMENT}-wal`)),
        );
        one.store.close();
        other.store.close();
        const opened = openStore(dir);
        opened.replay();
        opened.store.close();
        assert.ok(opened.reports.some(({ kind }) => kind === 'log-foreign'));
      }),
    ),
  ));

test('a log directory that is gone is reported, and positions go on', () =>
  withDir(async (dir) => {
    const written = write(dir, 10);
    rmSync(join(dir, 'log'), { recursive: true });
    const opened = openStore(dir);
    assert.deepEqual(kindsOf(opened.reports), ['log-shortened 1']);
    const [next] = opened.append(sampleTurns(1));
    assert.equal(next?.position, written.length + 1);
    opened.store.close();
  }));

test('a segment missing in the middle is reported by start, replay and verify', () =>
  withDir(async (dir) => {
    const written = write(dir, 120, { segmentBytesMax: 12_000 });
    const segments = readdirSync(join(dir, 'log'));
    assert.ok(segments.length > 3);
    const [, lost = '', next = ''] = segments;
    rmSync(join(dir, 'log', lost));
    const opened = openStore(dir);
    const from = Number.parseInt(lost, 10);
    const upto = Number.parseInt(next, 10) - 1;
    assert.deepEqual(kindsOf(opened.reports), [`segment-missing ${from}`]);
    assert.equal(opened.reports[0]?.upto, upto);
    const kept = written.filter(({ position }) => position < from || position > upto);
    assert.deepEqual(opened.replay(), kept);
    opened.store.close();
    const walk = walkLog(dir, () => {});
    assert.equal(walk.records, kept.length);
    assert.ok(walk.reports.some(({ position }) => position === from));
  }));

test('a record edited by hand is named, with or without a mended checksum', () =>
  withDir(async (dir) => {
    const written = write(dir, 10);
    edit(dir, 'UPDATE event SET body = ? WHERE position = 4', '{"edited":true}');
    const { position, turn, at, stream, type, version } = written[7] ?? assert.fail();
    const text = sealText(position, turn, at, stream, type, version, '{}');
    const sql = 'UPDATE event SET body = ?, sum = ? WHERE position = ?';
    edit(dir, sql, '{}', sumOf(text), position);
    const opened = openStore(dir);
    const replayed = opened.replay();
    opened.store.close();
    assert.deepEqual(kindsOf(opened.reports), ['record-damaged 4', `chain-broken ${position}`]);
    assert.equal(replayed.length, written.length - 1);
    assert.deepEqual(kindsOf(walkLog(dir, () => {}).reports), kindsOf(opened.reports));
  }));

test('a record deleted by hand is named, in the middle and at the end', () =>
  withDir(async (dir) => {
    const written = write(dir, 10);
    edit(dir, 'DELETE FROM event WHERE position IN (5, 6, ?)', written.length);
    const verified = walkLog(dir, () => {}).reports;
    const shortened = `log-shortened ${written.length}`;
    assert.deepEqual(kindsOf(verified), [shortened, 'position-missing 5']);
    const opened = openStore(dir);
    opened.replay();
    opened.store.close();
    assert.deepEqual(kindsOf(opened.reports), [shortened, 'position-missing 5']);
  }));

test('a flipped checksum or chain value is reported and the record kept', () =>
  withDir(async (dir) => {
    const written = write(dir, 10);
    edit(dir, 'UPDATE event SET sum = sum + 1 WHERE position = 3');
    const link = "x'00112233445566778899aabbccddeeff'";
    const kept = `CAST(${link} || substr(chain, 17) AS BLOB)`;
    edit(dir, `UPDATE event SET chain = ${kept} WHERE position = 7`);
    const opened = openStore(dir);
    assert.deepEqual(opened.replay(), written);
    opened.store.close();
    assert.deepEqual(kindsOf(opened.reports), ['record-damaged 3', 'chain-broken 7']);
  }));

test('where the salt of a link is gone with it, the next record cannot be proven either', () =>
  withDir(async (dir) => {
    const written = write(dir, 10);
    const link = "x'00112233445566778899aabbccddeeff'";
    edit(dir, `UPDATE event SET chain = ${link} WHERE position = 7`);
    const opened = openStore(dir);
    assert.deepEqual(opened.replay(), written);
    opened.store.close();
    assert.deepEqual(kindsOf(opened.reports), ['chain-broken 7', 'chain-broken 8']);
  }));

test('a damaged or missing high-water mark is reported and written anew', () =>
  withDir(async (dir) => {
    const written = write(dir, 10);
    for (const kind of ['high-water-damaged', 'high-water-missing']) {
      const path = join(dir, 'high-water');
      if (kind === 'high-water-missing') rmSync(path);
      else writeFileSync(path, readFileSync(path).fill(7));
      const opened = openStore(dir);
      assert.deepEqual(kindsOf(opened.reports), [kind]);
      assert.deepEqual(opened.replay(), written);
      opened.store.close();
      const again = openStore(dir);
      assert.deepEqual(again.reports, []);
      again.store.close();
    }
  }));

test('a data directory of a newer format is refused and not touched', () =>
  withDir(async (dir) => {
    write(dir, 3);
    const db = new Database(join(dir, 'log', SEGMENT));
    db.pragma('user_version = 9');
    db.prepare("UPDATE meta SET value = '9' WHERE key = 'format'").run();
    db.close();
    const look = () => readdirSync(dir, { recursive: true }).sort();
    const before = look();
    const bytes = readFileSync(join(dir, 'log', SEGMENT));
    const message = 'data directory was written by a newer Waybill (format 9, this one reads 2)';
    assert.throws(() => openStore(dir), { name: 'LogOpenError', message });
    assert.throws(() => walkLog(dir, () => {}), { name: 'LogOpenError', message });
    assert.deepEqual(look(), before);
    assert.deepEqual(readFileSync(join(dir, 'log', SEGMENT)), bytes);
  }));
