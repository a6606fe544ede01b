/**
 * Stories: local log files as `setup.localLogs` asks for them. Which file a record goes to, when a
 * file is complete, what a crash and a full disk leave, and that others can read what we write.
 */
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HookConfig } from '../../src/domain/options-hook.ts';
import type { LocalLogsConfig } from '../../src/domain/options-local-logs.ts';
import { parseLocalLogs } from '../../src/domain/options-local-logs.ts';
import type { Sink } from '../../src/ports/sink.ts';
import { openFilesSink } from '../../src/projections/log-files/files-sink.ts';
import { loadDecompress } from '../../src/projections/log-files/zstd.ts';
import {
  hasZstd,
  listSegments,
  makeDir,
  outgoing,
  outgoingFrom,
  readByZstd,
  StillTimers,
} from './log-files-kit.ts';

const never = new AbortController().signal;

const filesOf = ({ sink }: HookConfig): LocalLogsConfig => {
  assert.ok(sink.kind === 'files');
  return sink.config;
};

const read = (raw: unknown): LocalLogsConfig => filesOf(parseLocalLogs(raw, 'setup.localLogs'));

const textOf = async (path: string): Promise<string> => {
  const decompress = (await loadDecompress())();
  return Buffer.concat([...decompress.push(readFileSync(path)), ...decompress.end()]).toString();
};

const idsIn = (text: string): number[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number.parseInt((JSON.parse(line) as { event_id: string }).event_id, 10));

const send = async (sink: Sink, first: number, last: number): Promise<void> => {
  const answer = await sink.send(outgoingFrom(first, last), never);
  assert.deepEqual(answer, { kind: 'settled', refused: [] });
};

test('records of a batch are on the disk, in order, before it is settled', async (t) => {
  const dir = makeDir(t);
  const timers = new StillTimers();
  const sink = await openFilesSink({ config: read({ log_dir: join(dir, 'a/b') }), timers });
  await send(sink, 1, 3);
  await send(sink, 4, 5);
  const [segment, ...others] = listSegments(join(dir, 'a/b'));
  assert.equal(others.length, 0);
  assert.equal(segment?.name, '20261122-150405.678000000');
  assert.equal(segment.isComplete, false);
  assert.deepEqual(idsIn(await textOf(segment.path)), [1, 2, 3, 4, 5]);
  await sink.close();
  assert.equal(listSegments(join(dir, 'a/b'))[0]?.isComplete, true, 'read-only: complete');
});

test('the zstd program reads our segments', { skip: !hasZstd() && 'no zstd here' }, async (t) => {
  const dir = makeDir(t);
  const sink = await openFilesSink({ config: read({ log_dir: dir }), timers: new StillTimers() });
  for (let first = 1; first < 3_000; first += 1_000) await send(sink, first, first + 999);
  await sink.close();
  const expected = Array.from({ length: 3_000 }, (_, at) => at + 1);
  assert.deepEqual(idsIn(readByZstd(listSegments(dir)[0]?.path ?? '')), expected);
});

test('types go to files of their own by suffix and log_dir, with headers and Any', async (t) => {
  const dir = makeDir(t);
  const config = read({
    log_dir: dir,
    per_record: {
      Bounce: { suffix: '_bounce', segment_header: 'head\n' },
      Reception: { log_dir: join(dir, 'in') },
      Any: { suffix: '/other/any' },
    },
  });
  const sink = await openFilesSink({ config, timers: new StillTimers() });
  const batch = [
    outgoing(1, 'Bounce'),
    outgoing(2, 'Delivery'),
    outgoing(3, 'Reception'),
    outgoing(4, 'Bounce', 'a line of a template'),
    outgoing(5, 'Expiration', 'ends by itself\n'),
  ];
  await sink.send(batch, never);
  await sink.send([outgoing(6, 'Bounce', 'later')], never);
  await sink.close();
  const found = Object.fromEntries(
    await Promise.all(
      listSegments(dir).map(async ({ name, path }) => [name, await textOf(path)] as const),
    ),
  );
  const stamp = '20261122-150405.678000000';
  assert.deepEqual(Object.keys(found).sort(), [
    `${stamp}/other/any`,
    `${stamp}_bounce`,
    `in/${stamp}`,
  ]);
  const lines = found[`${stamp}_bounce`]?.split('\n') ?? [];
  assert.equal(lines[0], 'head');
  assert.deepEqual(lines.slice(2), ['a line of a template', 'later', '']);
  assert.ok(found[`${stamp}/other/any`]?.endsWith('}\nends by itself\n'));
  assert.deepEqual(idsIn(found[`in/${stamp}`] ?? ''), [3]);
});

test('a segment is complete by size and by age; the next one begins with a record', async (t) => {
  const dir = makeDir(t);
  const timers = new StillTimers();
  const config = read({ log_dir: dir, max_file_size: 1_000, max_segment_duration: '1m' });
  const sink = await openFilesSink({ config, timers });
  await send(sink, 1, 20);
  assert.deepEqual(
    listSegments(dir).map(({ isComplete }) => isComplete),
    [true],
    'more than 1,000 octets',
  );
  await send(sink, 21, 22);
  timers.pass(59_999);
  await send(sink, 23, 23);
  assert.deepEqual(
    listSegments(dir).map(({ isComplete }) => isComplete),
    [true, false],
  );
  timers.pass(1);
  await send(sink, 24, 24);
  assert.deepEqual(
    listSegments(dir).map(({ isComplete }) => isComplete),
    [true, true, false],
  );
  const ids = [];
  for (const { path } of listSegments(dir)) ids.push(...idsIn(await textOf(path)));
  assert.deepEqual(
    ids,
    Array.from({ length: 24 }, (_, at) => at + 1),
  );
  await sink.close();
});

test('what a crash left is completed and its torn end cut off; others stay', async (t) => {
  const dir = makeDir(t);
  const config = read({ log_dir: dir });
  const crashed = await openFilesSink({ config, timers: new StillTimers() });
  await send(crashed, 1, 50);
  await send(crashed, 51, 60);
  const [torn] = listSegments(dir);
  assert.ok(torn);
  await crashed.close();
  // As it was before: another process left it.
  chmodSync(torn.path, 0o644);
  const whole = readFileSync(torn.path);
  // A flush that the power cut broke off: the beginning of a third frame.
  appendFileSync(torn.path, whole.subarray(0, 30));
  writeFileSync(join(dir, 'notes.txt'), 'not ours');
  const next = await openFilesSink({ config, timers: new StillTimers() });
  const [mended, notes] = listSegments(dir);
  assert.equal(mended?.isComplete, true);
  assert.equal(notes?.isComplete, false, 'not a segment');
  assert.deepEqual(readFileSync(torn.path), whole);
  await send(next, 61, 61);
  assert.equal(listSegments(dir).length, 3, 'a segment of its own, beside one of the same time');
  await next.close();
});

test('a disk that refuses fails the batch; later it is there once', async (t) => {
  const dir = makeDir(t);
  const blocked = join(dir, 'blocked');
  const config = read({ log_dir: dir, per_record: { Bounce: { log_dir: join(blocked, 'x') } } });
  const sink = await openFilesSink({ config, timers: new StillTimers() });
  // A file stands where a directory should be: no right of any user helps.
  writeFileSync(blocked, '');
  const batch = [outgoing(1), outgoing(2, 'Bounce'), outgoing(3)];
  const failed = await sink.send(batch, never);
  assert.equal(failed.kind, 'failed');
  assert.match(failed.kind === 'failed' ? failed.reason : '', /ENOTDIR|EEXIST/);
  rmSync(blocked);
  mkdirSync(blocked);
  assert.equal((await sink.send(batch, never)).kind, 'settled');
  await sink.close();
  const texts = await Promise.all(listSegments(dir).map(({ path }) => textOf(path)));
  assert.deepEqual(texts.map(idsIn), [[1, 3], [2]]);
});

test('damage without an end, rights and strange names do not stop a start', async (t) => {
  const dir = makeDir(t);
  const path = join(dir, '20260101-000000.000000001');
  writeFileSync(path, Buffer.from('28b52ffdffffffffffffff', 'hex'));
  const done = join(dir, '20260101-000000.000000002');
  writeFileSync(done, 'anything');
  chmodSync(done, 0o444);
  const sink = await openFilesSink({ config: read({ log_dir: dir }), timers: new StillTimers() });
  assert.equal(readFileSync(path).length, 0);
  assert.equal(readFileSync(done, 'utf8'), 'anything', 'complete files are never touched');
  await sink.close();
});

test('settings are refused with the key and what to do', () => {
  const refusals: [unknown, RegExp][] = [
    [{}, /log_dir: is missing/],
    [{ log_dir: '/l', compression_level: 22 }, /compression_level: 22 is not a whole number/],
    [{ log_dir: '/l', max_file_size: 0 }, /max_file_size/],
    [{ log_dir: '/l', per_record: { Bounced: {} } }, /per_record.Bounced: is no type of record/],
    [{ log_dir: '/l', per_record: { Any: { suffix: '/../x' } } }, /per_record.*suffix.*not a suf/],
    [{ log_dir: '/l', per_record: { Any: { sufix: 'x' } } }, /did you mean 'suffix'/],
    [{ log_dir: '/l', filter_event: 'name' }, /filter_event: 'name' is not a function/],
  ];
  for (const [raw, message] of refusals) assert.throws(() => read(raw), message);
  const config = read({ log_dir: '/l', min_free_space: '10%', back_pressure: 128_000 });
  assert.equal(config.max_file_size, 1_000_000_000);
  const names = ['/var/log/waybill', './logs', '/', 'C:\\mail logs\\'].map(
    (log_dir) => parseLocalLogs({ log_dir }, 'here').name,
  );
  assert.deepEqual(names, ['var-log-waybill', 'logs', 'logs', 'C-mail-logs']);
  const hook = parseLocalLogs(
    { log_dir: '/l', name: 'bounces', per_record: { Any: { enable: false }, Bounce: {} } },
    'here',
  );
  assert.deepEqual([hook.name, [...hook.filter.types]], ['bounces', ['Bounce']]);
});
