/**
 * Stories: following log files, by the reader behind `waybill tail` and by the command itself. What
 * was committed does not come again, everything else does; files of others are read as ours are.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Zstd } from '@hpcc-js/wasm-zstd';
import { createTimers } from '../../src/ports/node/timers.ts';
import type { LogBatch, TailOptions } from '../../src/projections/log-files/tailer.ts';
import { LogTailer } from '../../src/projections/log-files/tailer.ts';
import { waybill } from './cli-run.ts';
import { makeDir } from './log-files-kit.ts';

const lineOf = (id: number, type = 'Delivery'): string =>
  `${JSON.stringify({ type, id, queue: `q${id % 3}`, response: { code: 250 } })}\n`;

const linesFrom = (first: number, last: number): string =>
  Array.from({ length: last - first + 1 }, (_, at) => lineOf(first + at)).join('');

const frame = async (text: string): Promise<Uint8Array> =>
  (await Zstd.load()).compress(Buffer.from(text));

/** A file as the reference writes it: one frame of many blocks. */
const longFrame = async (texts: readonly string[]): Promise<Buffer> => {
  const zstd = await Zstd.load();
  zstd.reset();
  const parts = texts.map((text) => zstd.compressChunk(Buffer.from(text)));
  return Buffer.concat([...parts, zstd.compressEnd()]);
};

const finish = (path: string): void => chmodSync(path, 0o444);

const open = (directory: string, more: Partial<TailOptions> = {}) => {
  const warnings: string[] = [];
  const tailer = new LogTailer({
    directory,
    pattern: '*',
    batchSize: 100,
    batchLatencyMs: 50,
    follow: false,
    warn: (sentence) => warnings.push(sentence),
    timers: createTimers(),
    ...more,
  });
  return { tailer, warnings };
};

const idsOf = ({ records }: LogBatch): number[] =>
  records.map((record) => (record as { id: number }).id);

const readAll = async (directory: string, more: Partial<TailOptions> = {}) => {
  const { tailer, warnings } = open(directory, more);
  const ids: number[] = [];
  for await (const batch of tailer.batches()) {
    ids.push(...idsOf(batch));
    await batch.commit();
  }
  return { ids, warnings };
};

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

test('files come oldest first, whether made of many frames or of one', async (t) => {
  const dir = makeDir(t);
  writeFileSync(
    join(dir, '20260102'),
    await longFrame([linesFrom(4, 60_000), linesFrom(60_001, 90_000)]),
  );
  writeFileSync(
    join(dir, '20260101'),
    Buffer.concat([await frame(lineOf(1)), await frame(linesFrom(2, 3))]),
  );
  for (const name of ['20260101', '20260102']) finish(join(dir, name));
  assert.deepEqual((await readAll(dir)).ids, upTo(90_000));
  assert.deepEqual((await readAll(dir, { pattern: '*02' })).ids.length, 89_997);
});

test('a batch that was not committed comes again, one that was does not', async (t) => {
  const dir = makeDir(t);
  const path = join(dir, '20260101');
  writeFileSync(path, await frame(linesFrom(1, 10)));
  finish(path);
  const { tailer } = open(dir, { batchSize: 4, checkpoint: 'mine' });
  const seen: number[][] = [];
  for await (const batch of tailer.batches()) {
    seen.push(idsOf(batch));
    if (seen.length === 2) break;
    await batch.commit();
    await assert.rejects(batch.commit(), /was committed before/);
  }
  assert.deepEqual(seen, [upTo(4), upTo(8, 5)]);
  assert.deepEqual(JSON.parse(readFileSync(join(dir, '.mine'), 'utf8')), { file: path, line: 4 });
  assert.deepEqual((await readAll(dir, { checkpoint: 'mine' })).ids, upTo(10, 5));
  assert.deepEqual((await readAll(dir, { checkpoint: 'mine' })).ids, []);
  assert.deepEqual((await readAll(dir, { checkpoint: 'other' })).ids, upTo(10));
  writeFileSync(join(dir, '.mine'), 'x');
  await assert.rejects(readAll(dir, { checkpoint: 'mine' }), /\.mine is no checkpoint: remove it/);
});

test('a checkpoint holds where the directory has another name, or the file is gone', async (t) => {
  const dir = makeDir(t);
  const names = ['20260101', '20260102', '20260103'];
  for (const [at, name] of names.entries()) {
    writeFileSync(join(dir, name), await frame(lineOf(at + 1)));
    finish(join(dir, name));
  }
  const checkpoint = 'mine';
  // Written where the directory is called one way, and read where it is called another.
  const near = relative(process.cwd(), dir);
  for (const [first, second] of [
    [near, dir],
    [dir, near],
  ] as const) {
    rmSync(join(dir, '.mine'), { force: true });
    const { tailer } = open(first, { batchSize: 1, checkpoint });
    for await (const batch of tailer.batches()) {
      if (idsOf(batch)[0] === 3) break;
      await batch.commit();
    }
    assert.deepEqual((await readAll(second, { checkpoint: 'mine' })).ids, [3]);
  }
  const moved = join(makeDir(t), 'moved');
  writeFileSync(join(dir, '.mine'), JSON.stringify({ file: join(dir, names[1] ?? ''), line: 1 }));
  cpSync(dir, moved, { recursive: true });
  assert.deepEqual((await readAll(moved, { checkpoint })).ids, [3]);
  rmSync(join(dir, names[1] ?? ''), { force: true });
  assert.deepEqual((await readAll(dir, { checkpoint })).ids, [3], 'the file itself is gone');
});

test('a quiet directory is looked at five times a second, not all the time', async (t) => {
  const dir = makeDir(t);
  const { after, ...clock } = createTimers();
  const waits: number[] = [];
  const { tailer } = open(dir, {
    follow: true,
    timers: {
      ...clock,
      after: (waitMs, task) => {
        waits.push(waitMs);
        if (waits.length === 3) tailer.close();
        return after(waitMs, task);
      },
    },
  });
  for await (const _batch of tailer.batches()) assert.fail('there is nothing');
  assert.deepEqual(waits, [200, 200, 200]);
});

test('a growing file is followed; the next waits until it is complete', async (t) => {
  const dir = makeDir(t);
  const first = join(dir, '20260101');
  const second = join(dir, '20260102');
  writeFileSync(first, await frame(linesFrom(1, 2)));
  writeFileSync(second, await frame(linesFrom(10, 11)));
  const { tailer } = open(dir, { follow: true });
  const steps: (() => Promise<void>)[] = [
    async () => {
      // In two pieces, as a reader may find them.
      const more = await frame(linesFrom(3, 400));
      appendFileSync(first, more.subarray(0, 20));
      appendFileSync(first, more.subarray(20));
    },
    async () => finish(first),
  ];
  const ids: number[] = [];
  for await (const batch of tailer.batches()) {
    ids.push(...idsOf(batch));
    if (ids.length === 2 || ids.at(-1) === 400) await steps.shift()?.();
    if (ids.at(-1) === 11) tailer.close();
  }
  assert.deepEqual(ids, [...upTo(400), 10, 11]);
});

test('damaged files and lines are told once, and the others are read', async (t) => {
  const dir = makeDir(t);
  const files: [string, Uint8Array | string][] = [
    ['1', await frame(`${lineOf(1)}no json\n${lineOf(2)}`)],
    ['2', 'no zstd at all, and long enough to be seen as such'],
    ['3', await frame(linesFrom(3, 2_000))],
    ['4', await frame(lineOf(2_001))],
  ];
  for (const [name, bytes] of files) writeFileSync(join(dir, name), bytes);
  truncateSync(join(dir, '3'), 60);
  for (const [name] of files) finish(join(dir, name));
  const { ids, warnings } = await readAll(dir);
  assert.deepEqual([ids[0], ids.at(-1)], [1, 2_001]);
  assert.equal(warnings.length, 2, warnings.join('\n'));
  assert.match(warnings[0] ?? '', /1: line 2 is no JSON; the rest of this file is left out/);
  assert.match(warnings[1] ?? '', /2: cannot be decompressed/);
});

test('the command prints, filters, and goes on where it was', async (t) => {
  const dir = makeDir(t);
  const path = join(dir, '20260101');
  writeFileSync(path, await frame(lineOf(1) + lineOf(2, 'Bounce') + lineOf(3, 'Bounce')));
  finish(path);
  const flags = [dir, '--no-follow', '--type', 'Bounce,Expiration'];
  const all = await waybill('tail', ...flags);
  assert.deepEqual([all.code, all.err], [0, '']);
  assert.equal(all.out, lineOf(2, 'Bounce') + lineOf(3, 'Bounce'));
  assert.equal((await waybill('tail', ...flags)).out, '', 'printed before');
  const where = await waybill('tail', ...flags, '--tail', '--where', 'queue=q0');
  assert.equal(where.out, lineOf(3, 'Bounce'));
  const inner = ['tail', dir, '--no-follow', '--tail', '--where', 'response.code=250'];
  assert.equal((await waybill(...inner)).out.split('\n').length, 4);
  const wrong = await waybill('tail', dir, '--type', 'Bounced');
  assert.equal(wrong.code, 64);
  assert.match(wrong.err, /Bounced is none of Reception, Delivery/);
  const none = await waybill('tail', join(dir, 'nowhere'));
  assert.deepEqual([none.code, none.err.includes('there is no such file or folder')], [69, true]);
});

test('a reader that had enough ends the command quietly, without a checkpoint', async (t) => {
  const dir = makeDir(t);
  const path = join(dir, '20260101');
  writeFileSync(path, await frame(linesFrom(1, 50_000)));
  finish(path);
  const program = fileURLToPath(new URL('../../src/waybill.ts', import.meta.url));
  const shell = `"${process.execPath}" --import tsx "${program}" tail "${dir}" | head -n 1`;
  const child = spawn('sh', ['-c', shell], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes) => (out += String(bytes)));
  child.stderr.on('data', (bytes) => (err += String(bytes)));
  await once(child, 'close');
  assert.equal(out, lineOf(1));
  assert.equal(err, '');
});

test('output that is slow to be taken leaves nothing behind', async (t) => {
  const dir = makeDir(t);
  const lines = `${JSON.stringify({ type: 'Delivery', noise: 'x'.repeat(200) })}\n`.repeat(40_000);
  writeFileSync(join(dir, '20260101'), await frame(lines));
  const { code, out, err } = await waybill('tail', dir, '--no-follow');
  assert.deepEqual([code, err], [0, ''], 'no warning of too many listeners');
  assert.equal(out.length, lines.length);
});
