/**
 * The configuration monitor on real files: what counts as a change, what is looked at, and what a
 * look without changes costs.
 * Deliberately unknown here: what is done about a change.
 */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { ConfigMonitor } from '../../src/manager/config-monitor.ts';

let dir = '';
let said: string[] = [];
let monitor: ConfigMonitor;

const write = (name: string, text: string): void => writeFileSync(join(dir, name), text);
const adopt = (globs: string[], files: string[] = []): Promise<boolean> =>
  monitor.adopt({ files: files.map((name) => join(dir, name)), globs, intervalMs: 1000 });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'waybill-monitor-'));
  for (const name of ['data', 'node_modules/x', 'more']) {
    mkdirSync(join(dir, name), { recursive: true });
  }
  write('policy.ts', 'a');
  write('more/sources.toml', 'b');
  said = [];
  monitor = new ConfigMonitor({
    source: join(dir, 'policy.ts'),
    dataDir: join(dir, 'data'),
    tell: (level, sentence) => said.push(`${level} ${sentence}`),
  });
  await monitor.look();
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a look at the same files sees no change', async () => {
  for (let turn = 0; turn < 12; turn += 1) assert.equal(await monitor.look(), false);
});

test('content counts, wherever it is and however it is replaced', async () => {
  write('more/sources.toml', 'c');
  assert.equal(await monitor.look(), true);
  write('policy.new', 'b');
  renameSync(join(dir, 'policy.new'), join(dir, 'policy.ts'));
  assert.equal(await monitor.look(), true);
  write('more/shaping.json', '{}');
  assert.equal(await monitor.look(), true);
  rmSync(join(dir, 'more/shaping.json'));
  assert.equal(await monitor.look(), true);
  assert.equal(await monitor.look(), false);
});

test('a touched file is no change', async () => {
  utimesSync(join(dir, 'policy.ts'), 1, 1);
  assert.equal(await monitor.look(), false);
});

test('an edit that hides behind its old time is seen by its change time', async () => {
  const { atime, mtime } = statSync(join(dir, 'policy.ts'));
  write('policy.ts', 'z');
  utimesSync(join(dir, 'policy.ts'), atime, mtime);
  assert.equal(await monitor.look(), true);
});

test('data, packages and other kinds of files do not count', async () => {
  for (const name of ['data/x.json', 'node_modules/x/y.json', 'notes.txt']) write(name, 'new');
  assert.equal(await monitor.look(), false);
});

test('globs of the policy take the place of the usual ones; its files count always', async () => {
  await adopt(['more/*.toml'], ['policy.ts']);
  write('other.json', '{}');
  assert.equal(await monitor.look(), false);
  write('policy.ts', 'z');
  assert.equal(await monitor.look(), true);
  write('more/sources.toml', 'z');
  assert.equal(await monitor.look(), true);
});

test('an edit between two sets is not lost, a new set alone is no edit', async () => {
  assert.equal(await adopt(['more/*.toml'], ['policy.ts']), false);
  write('policy.ts', 'edited while it was loaded');
  assert.equal(await adopt(['**/*.ts'], ['policy.ts']), true);
});

test('a file that cannot be read counts by its path and is told once', async () => {
  mkdirSync(join(dir, 'folder.toml'));
  await adopt([], ['folder.toml']);
  assert.equal(await monitor.look(), false);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /^error .*cannot read .*folder\.toml/);
});

/** Swaps a folder as Kubernetes does with a ConfigMap: files are links through one link. */
function swapIn(name: string, text: string): string {
  mkdirSync(join(dir, name));
  write(`${name}/policy.ts`, text);
  symlinkSync(name, join(dir, '..data_tmp'));
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  return join(name, 'policy.ts');
}

test('a swapped ConfigMap is a change and no error; what stays missing is one', async () => {
  rmSync(join(dir, 'policy.ts'));
  const first = swapIn('..one', 'a');
  symlinkSync('..data/policy.ts', join(dir, 'policy.ts'));
  // As a version names it that was compiled through the links, beside globs of its own.
  await adopt(['*.toml'], [first]);
  const second = swapIn('..two', 'b');
  rmSync(join(dir, '..one'), { recursive: true });
  assert.equal(await monitor.look(), true);
  await adopt(['*.toml'], [second]);
  assert.equal(await monitor.look(), false);
  assert.deepEqual(said, []);

  // This one is refused: the version in force still names files of the second.
  swapIn('..three', 'bad');
  rmSync(join(dir, '..two'), { recursive: true });
  assert.equal(await monitor.look(), true);
  assert.equal(await monitor.look(), false);
  assert.match(said.join(), /^error the config monitor cannot read .*two.policy\.ts$/);
  swapIn('..four', 'good');
  assert.equal(await monitor.look(), true, 'the next one is seen, too');
});

test('nothing to watch is a warning', async () => {
  await adopt(['none/*.toml']);
  await monitor.look();
  assert.deepEqual(said, ['warn the config monitor finds no file to watch']);
});

test('an unchanged look at 200 files takes less than 20 ms', async (context) => {
  for (let at = 0; at < 200; at += 1) write(`more/${at}.toml`, `${at}`.repeat(2_000));
  await monitor.look();
  const tookMs: number[] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    const startedAt = performance.now();
    await monitor.look();
    tookMs.push(performance.now() - startedAt);
  }
  tookMs.sort((a, b) => a - b);
  const [best = 0, median = 0, worst = 0] = [tookMs[0], tookMs[10], tookMs[19]];
  context.diagnostic(
    `best ${best.toFixed(1)} ms, median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`,
  );
  // The best, because the machine may be busy with other things.
  assert.ok(best < 20, `${tookMs}`);
});
