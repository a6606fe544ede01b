/**
 * Disks that are full, fail or go away under a running log.
 * The one idea: the faults are real: a small tmpfs, strace that injects errors, a moved directory.
 * Where the machine does not allow one (no root, no strace) that test is skipped and says so.
 * Deliberately unknown here: what the engine does about a fault.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { walkLog } from '../../src/events/log-verify.ts';
import { closeLog, draft } from '../contracts/log-contract.ts';
import { openLog, readBack, withDir } from '../contracts/log-place.ts';
import { until } from '../faults/scratch.ts';
import { startWriter } from './log-process.ts';

/** How long a file may have the name of one in the making, ms. */
const TIDY_MS_MAX = 5_000;

const MIB = 1024 * 1024;
const BODY = 'x'.repeat(20_000);

const canTrace = spawnSync('strace', ['-e', 'trace=none', 'true']).status === 0;

/** Mounts a small file system in memory for the time of `body`. */
const withSmallDisk = async (
  mebibytes: number,
  body: (dir: string) => Promise<void>,
): Promise<boolean> => {
  let isMounted = false;
  await withDir(async (place) => {
    const options = ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', place];
    isMounted = spawnSync('mount', options).status === 0;
    if (!isMounted) return;
    try {
      await body(place);
    } finally {
      spawnSync('umount', ['-l', place]);
    }
  });
  return isMounted;
};

test('a full disk is said once, and turns go on in order when space returns', async (t) => {
  const isMounted = await withSmallDisk(40, async (disk) => {
    const dir = join(disk, 'data');
    const { log, listener } = await openLog(dir, { retryMs: 20, freeBytesMin: 0 });
    assert.ok(existsSync(join(dir, 'ballast')));
    writeFileSync(join(disk, 'filler'), Buffer.alloc(25 * MIB));
    let turn = 0;
    const append = (): void => {
      log.append({ turn: ++turn, at: turn, position: turn, drafts: [draft(BODY)] });
    };
    // Until the ballast, too, is used up.
    while (listener.faults.length < 2 && turn < 2_000) {
      append();
      await listener.until(
        () => listener.durableTurns.includes(turn) || listener.faults.length > 1,
      );
    }
    assert.ok(!existsSync(join(dir, 'ballast')));
    for (let count = 0; count < 5; count++) append();
    await new Promise((done) => setTimeout(done, 200));
    assert.deepEqual(
      new Set(listener.faults.map(({ code }) => code)),
      new Set(['FAULT_DISK_FULL']),
    );
    assert.ok(listener.faults.length <= 2, 'one report for each time it became full');
    assert.equal(listener.faults[0]?.retryable, true);
    const durable = listener.durableTurns.length;
    assert.ok(durable < turn);
    assert.equal(listener.rooms.at(-1), false);
    rmSync(join(disk, 'filler'));
    await listener.untilDurable(turn);
    await listener.until(() => listener.rooms.at(-1) === true);
    assert.ok(existsSync(join(dir, 'ballast')));
    const inOrder = Array.from({ length: turn }, (_, index) => index + 1);
    assert.deepEqual(listener.durableTurns, inOrder);
    await closeLog(log);
    const { records, reports } = await readBack(dir);
    assert.equal(records.length, turn);
    assert.deepEqual(reports, []);
  });
  if (!isMounted) t.skip('no right to mount a tmpfs');
});

test('a directory moved away under a running log ends it', () =>
  withDir(async (place) => {
    const dir = join(place, 'data');
    const { log, listener } = await openLog(dir);
    log.append({ turn: 1, at: 1, position: 1, drafts: [draft('{}')] });
    await listener.untilDurable(1);
    renameSync(dir, join(place, 'elsewhere'));
    log.append({ turn: 2, at: 2, position: 2, drafts: [draft('{}')] });
    await listener.until(() => listener.faults.length > 0);
    assert.deepEqual(
      listener.faults.map(({ code }) => code),
      ['FAULT_LOG_UNWRITABLE'],
    );
    log.append({ turn: 3, at: 3, position: 3, drafts: [draft('{}')] });
    await closeLog(log);
    assert.deepEqual(listener.durableTurns, [1]);
  }));

test('a directory removed under an idle log is noticed without a turn', () =>
  withDir(async (place) => {
    const dir = join(place, 'data');
    const { log, listener } = await openLog(dir);
    rmSync(dir, { recursive: true });
    await listener.until(() => listener.faults.length > 0);
    assert.equal(listener.faults[0]?.code, 'FAULT_LOG_UNWRITABLE');
    await closeLog(log);
  }));

test('damage met while writing: the turn goes into a new segment', () =>
  withDir(async (dir) => {
    const { log, listener, recovery } = await openLog(dir);
    log.append({ turn: 1, at: 1, position: 1, drafts: [draft('{"one":1}')] });
    await listener.untilDurable(1);
    const db = new Database(join(dir, 'log', '000000000001.db'));
    db.unsafeMode(true);
    db.pragma('writable_schema = ON');
    db.prepare("UPDATE sqlite_schema SET rootpage = 99 WHERE name = 'event'").run();
    // Makes every connection read the schema anew.
    db.pragma('schema_version = 77');
    db.close();
    log.append({ turn: 2, at: 2, position: 2, drafts: [draft('{"two":2}')] });
    await listener.until(() => listener.faults.length > 0 || listener.durableTurns.includes(2));
    assert.deepEqual(listener.faults, []);
    assert.deepEqual(
      recovery.reports.map(({ kind }) => kind),
      ['segment-unreadable'],
    );
    await closeLog(log);
    assert.ok(existsSync(join(dir, 'log', '000000000002.db')));
    const { records, reports } = await readBack(dir);
    assert.deepEqual(
      records.map(({ body }) => body),
      ['{"one":1}', '{"two":2}'],
    );
    assert.deepEqual(
      reports.map(({ kind }) => kind),
      ['segment-unreadable'],
    );
  }));

test('a data directory that is a file is refused in one sentence', () =>
  withDir(async (place) => {
    const dir = join(place, 'data');
    writeFileSync(dir, '');
    await assert.rejects(openLog(dir), { name: 'LogOpenError', message: /^cannot open the data/ });
  }));

const injected = (error: string, calls: string, when: string): string[] => {
  const inject = `inject=${calls}:error=${error}:when=${when}`;
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject];
};

test('a failed fsync leaves the outcome open: no answer, nothing more is written', (t) =>
  canTrace
    ? withDir(async (dir) => {
        mkdirSync(join(dir, 'data'));
        const writer = startWriter([join(dir, 'data')], injected('EIO', 'fsync', '60+'));
        const failure = await writer.until(/^failed/);
        assert.match(failure, /^failed FAULT_DISK_IO SQLITE_IOERR_FSYNC/);
        const said = writer.lines.length;
        await new Promise((done) => setTimeout(done, 300));
        assert.equal(writer.lines.length, said);
        await writer.kill();
        const acknowledged = writer.lines.filter((line) => line.startsWith('durable')).length;
        assert.ok(acknowledged > 0);
        const { records, reports } = await readBack(join(dir, 'data'));
        assert.deepEqual(reports, []);
        // The turn whose commit failed may be there; it was not acknowledged.
        assert.ok([acknowledged, acknowledged + 1].includes(records.length / 2));
      })
    : t.skip('strace cannot run here'));

test('no space in the middle of a commit costs no turn', (t) =>
  canTrace
    ? withDir(async (dir) => {
        const data = join(dir, 'data');
        const writer = startWriter([data], injected('ENOSPC', 'pwrite64', '150+40'));
        await writer.until(/^failed FAULT_DISK_FULL/);
        const failedAt = writer.lines.length;
        await writer.until(new RegExp(`^durable ${failedAt + 100}$`));
        // A segment in the making has such a name for a moment; none keeps it.
        const isTidy = () => !readdirSync(join(data, 'log')).some((name) => /tmp/.test(name));
        assert.ok(await until(isTidy, TIDY_MS_MAX));
        await writer.kill();
        const turns = writer.lines.filter((line) => line.startsWith('durable'));
        assert.deepEqual(
          turns,
          turns.map((_, index) => `durable ${index + 1}`),
        );
        const walk = walkLog(data, () => {});
        assert.deepEqual(walk.reports, []);
        assert.ok(walk.records >= 2 * turns.length);
      })
    : t.skip('strace cannot run here'));
