/**
 * Stories: local log files beside others, and on disks that are not kind. A disk that takes half of
 * a write, several loggers in one place, what a crash left in folders, and quiet nights.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Zstd } from '@hpcc-js/wasm-zstd';
import { parseLocalLogs } from '../../src/domain/options-local-logs.ts';
import { loadSink, shapeFor } from '../../src/manager/projection-sinks.ts';
import { openFilesSink } from '../../src/projections/log-files/files-sink.ts';
import { loadDecompress } from '../../src/projections/log-files/zstd.ts';
import { until } from '../faults/scratch.ts';
import { FREE_SHAPE } from '../world/hook-world.ts';
import { filesOf, idsOfSegments } from './log-files-disk-kit.ts';
import { listSegments, makeDir, outgoing, StillTimers } from './log-files-kit.ts';

const never = new AbortController().signal;
const run = promisify(execFile);

test('a disk that takes half of a batch and calls it a success has not settled it', async (t) => {
  const dir = makeDir(t);
  const program = fileURLToPath(new URL('./log-files-disk-kit.ts', import.meta.url));
  // The limit of the shell makes the file end in the middle of a write, as a full disk does.
  const shell = `ulimit -f 40; exec "${process.execPath}" --import tsx "${program}" "${dir}"`;
  const { stdout } = await run('sh', ['-c', shell]);
  const settled = JSON.parse(stdout) as number[];
  assert.ok(settled.length > 0 && settled.length < 20, `${settled.length} of 20 batches`);
  const ids = idsOfSegments(dir, await loadDecompress());
  assert.deepEqual(ids, settled, 'what is settled is there, and nothing is torn');
});

test('what another logger is writing is not taken for what a crash left', async (t) => {
  const dir = makeDir(t);
  const timers = new StillTimers();
  const outer = filesOf(parseLocalLogs({ log_dir: dir }, ''));
  const inner = filesOf(parseLocalLogs({ log_dir: join(dir, 'bounces') }, ''));
  const first = await openFilesSink({ config: inner, timers });
  await first.send([outgoing(1)], never);
  const second = await openFilesSink({ config: outer, timers });
  assert.deepEqual(
    listSegments(dir).map(({ isComplete }) => isComplete),
    [false],
  );
  await second.send([outgoing(2)], never);
  await first.send([outgoing(3)], never);
  await Promise.all([first.close(), second.close()]);
  assert.deepEqual(idsOfSegments(dir, await loadDecompress()).sort(), [1, 2, 3]);
});

test('what a crash left is completed without a record, also below folders', async (t) => {
  const dir = makeDir(t);
  const config = parseLocalLogs(
    { log_dir: dir, per_record: { Bounce: { suffix: '/bounces/all' } } },
    '',
  );
  const left = join(dir, '20260101-000000.000000001', 'bounces', 'all');
  mkdirSync(join(left, '..'), { recursive: true });
  writeFileSync(left, (await Zstd.load()).compress(Buffer.from('{}\n')));
  await loadSink(config, { timers: new StillTimers(), readSecret: () => undefined });
  const isComplete = (): boolean => listSegments(dir)[0]?.isComplete === true;
  assert.ok(await until(isComplete, 5_000));
});

test('a quiet night does not complete a segment', () => {
  const config = parseLocalLogs({ log_dir: '/logs' }, '');
  assert.equal(shapeFor(config, FREE_SHAPE).idleTimeoutMs, Number.POSITIVE_INFINITY);
});
