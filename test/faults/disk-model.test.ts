/**
 * Tries the power-cut replayer on a writer whose promise is known to hold or to break.
 * The one idea: a check of durability is worth something only if it finds the engine guilty that
 * syncs too rarely, so synchronous=NORMAL must lose acknowledged rows here and FULL must not.
 * Deliberately unknown here: the engine.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { Loss } from './disk-model.ts';
import { DiskModel } from './disk-model.ts';
import { isFullRun, makeDice, makeScratch, seedOfRun } from './scratch.ts';
import { traceToEnd, whyNoStrace } from './strace.ts';
import { dataOf, readTrace } from './trace.ts';

const ROWS = 200;
const CUTS = isFullRun() ? 400 : 60;
const LOSSES: readonly Loss[] = ['dropped', 'half', 'prefix'];
const WRITER = fileURLToPath(new URL('row-writer.ts', import.meta.url));

interface CutsOutcome {
  readonly lossyCuts: number;
  readonly worstLoss: number;
  readonly unsoundCuts: number;
}

/** Traces one run of the writer and looks at what `CUTS` power cuts leave of it. */
function cutWriter(synchronous: string, seed: number): CutsOutcome {
  const scratch = makeScratch(`cuts-${synchronous}`);
  try {
    const root = join(scratch.path, 'data');
    const calls = traceToEnd(join(scratch.path, 'trace'), [
      ...['sh', '-c', 'mkdir -p "$0" && exec "$@"', root],
      ...[process.execPath, '--import', 'tsx', WRITER],
      ...[join(root, 'rows.db'), synchronous, String(ROWS)],
    ]);
    const acks = calls
      .filter((call) => call.name === 'write' && /^ack \d+\n$/.test(dataOf(call).toString()))
      .map((call) => call.began);
    assert.equal(acks.length, ROWS, 'every commit was acknowledged in the trace');
    const model = new DiskModel(root, calls);
    const dice = makeDice(seed);
    const losses = Array.from({ length: CUTS }, (_, at) => {
      const target = join(scratch.path, `cut-${at}`);
      const cut = dice.oneOf(model.moments);
      model.restore(target, cut, LOSSES[at % LOSSES.length] ?? 'half', dice);
      return acks.filter((ack) => ack <= cut).length - countRows(join(target, 'rows.db'));
    });
    return {
      lossyCuts: losses.filter((lost) => lost > 0).length,
      worstLoss: Math.max(...losses),
      unsoundCuts: losses.filter((lost) => Number.isNaN(lost)).length,
    };
  } finally {
    scratch.remove();
  }
}

/** Rows that can be read and are as written; NaN where the file is no sound database. */
function countRows(path: string): number {
  const db = new Database(path);
  try {
    if (db.pragma('integrity_check', { simple: true }) !== 'ok') return Number.NaN;
    const table = "SELECT count(*) FROM sqlite_schema WHERE name = 'row'";
    if (db.prepare(table).pluck().get() === 0) return 0;
    const rows = db.prepare('SELECT number, bytes FROM row ORDER BY number').all() as {
      readonly number: number;
      readonly bytes: Buffer;
    }[];
    const isWhole = rows.every(
      ({ number, bytes }, at) => number === at + 1 && bytes.every((byte) => byte === number % 256),
    );
    return isWhole ? rows.length : Number.NaN;
  } finally {
    db.close();
  }
}

describe('the power-cut replayer', { skip: whyNoStrace() }, () => {
  const seed = seedOfRun();

  test('finds the writer guilty that syncs too rarely', () => {
    const { lossyCuts, worstLoss, unsoundCuts } = cutWriter('NORMAL', seed);
    const said = `NORMAL: ${lossyCuts} of ${CUTS} cuts lost promised rows, at worst ${worstLoss}`;
    process.stdout.write(`${said} of ${ROWS}; seed ${seed}\n`);
    assert.equal(unsoundCuts, 0);
    assert.ok(lossyCuts > CUTS / 2, said);
  });

  test('clears the writer that syncs each commit', () => {
    const { lossyCuts, unsoundCuts } = cutWriter('FULL', seed);
    process.stdout.write(`FULL: ${lossyCuts} of ${CUTS} cuts lost rows; seed ${seed}\n`);
    assert.equal(unsoundCuts, 0);
    assert.equal(lossyCuts, 0);
  });

  test('knows a file by each of its names, in the order in which they came', () => {
    const scratch = makeScratch('cuts-names');
    try {
      const root = join(scratch.path, 'data');
      const line = 'mkdir "$0" && printf one > "$0/a" && ln "$0/a" "$0/b" && rm "$0/a"';
      const calls = traceToEnd(join(scratch.path, 'trace'), ['sh', '-c', line, root]);
      const model = new DiskModel(root, calls);
      const dice = makeDice(seed);
      const seen = new Set<string>();
      for (let at = 0; at < 200; at += 1) {
        const target = join(scratch.path, `cut-${at}`);
        // Also long after the last of them, when all of it may be on the platter.
        model.restore(target, dice.below(2 * Math.max(...model.moments)), 'prefix', dice);
        const names = readdirSync(target).sort();
        seen.add(names.join());
        for (const name of names) {
          assert.match(readFileSync(join(target, name), 'utf8'), /^(one)?$/, name);
        }
      }
      assert.deepEqual([...seen].sort(), ['', 'a', 'a,b', 'b']);
    } finally {
      scratch.remove();
    }
  });
});

describe('the trace reader', () => {
  test('joins the halves of a call and leaves out what failed', () => {
    const hex = (text: string): string =>
      [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16)}`).join('');
    const calls = readTrace(
      [
        `7 1.5 write(3<${hex('/d/a')}>, "${hex('one')}", 3 <unfinished ...>`,
        `8 1.6 fsync(4<${hex('/d/b')}>) = -1 EIO (Input/output error)`,
        '7 1.7 <... write resumed>) = 3',
      ].join('\n'),
    );
    assert.equal(calls.length, 1);
    const [call] = calls;
    assert.ok(call !== undefined);
    assert.equal(dataOf(call).toString(), 'one');
    assert.deepEqual([call.began, call.ended], [0, 2]);
  });
});
