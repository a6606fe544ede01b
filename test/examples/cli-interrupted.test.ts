/**
 * Story: somebody loses patience with a check or a simulation and presses Ctrl-C. What was found or
 * simulated by then is told with its seed, and the exit code says that it was interrupted.
 * Deliberately unknown here: how it is searched and simulated.
 */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runLaws } from '../../src/manager/law-watch.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import type { DayReport } from '../../src/testing/testing.ts';
import { until } from '../faults/scratch.ts';
import { RunningCommand } from './cli-run.ts';
import { MISTAKES, writePlanted } from './planted-policy.ts';

const PATIENCE_MS = 120_000;
const DAYS_31_MS = 31 * 86_400_000;

test('what is being made smaller is not lost', async (t) => {
  const mistake = MISTAKES.find(({ what }) => what.includes('suspend duration'));
  const file = await writePlanted(mistake?.parts);
  t.after(() => rm(dirname(file), { recursive: true }));
  const policy = { kind: 'file' as const, file, source: file, ...(await compilePolicy(file)) };
  const stopping = new AbortController();
  const onRun = (_runs: number, isShrinking: boolean): void => {
    if (isShrinking) stopping.abort();
  };
  const search = { seconds: 300, seed: 1, tenants: {} };
  const end = await runLaws({ policy, search }, { onRun, signal: stopping.signal });
  assert.equal(end.kind, 'stopped');
  const found = end.kind === 'stopped' ? end.verdict?.found : undefined;
  assert.equal(found?.law.name, 'suspensions-end-before-the-mail');
  assert.match(found?.path ?? '', /^\d+$/);
  assert.match(found?.timeline ?? '', /1\. /);
});

test('a check that has found nothing says so, with runs and seed', async (t) => {
  const file = await writePlanted();
  t.after(() => rm(dirname(file), { recursive: true }));
  // What a policy prints goes to standard error: it is at work.
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('(domain) => (', "(domain) => console.error('asked') || ("));
  for (const [words, out] of [
    [[], /^$/],
    [['--json'], /^\{"isGood":null,"isStopped":true,"seed":7,"runs":\d+\}\n$/],
  ] as const) {
    const command = new RunningCommand('check', file, '--seconds', '300', '--seed', '7', ...words);
    await until(() => command.err.includes('asked'), PATIENCE_MS);
    command.stop('SIGINT');
    assert.equal(await command.ended, 130, command.err);
    assert.match(command.out, out);
    assert.match(command.err, /stopped after \d+ runs? \(seed 7\); no law was broken in them/);
  }
});

test('a simulation tells the time that was over', async (t) => {
  const policy = await writePlanted();
  const traffic = join(dirname(policy), 'day.ndjson');
  t.after(() => rm(dirname(policy), { recursive: true }));
  const lines = [
    { type: 'Delivery', recipient: 'ann@gmail.com', timestamp: 0 },
    { flow: 'news', for: '31d', messages: 3_000_000, domains: { 'gmail.com': 1 } },
  ];
  await writeFile(traffic, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const words = ['--traffic', traffic, '--for', '31d', '--seed', '7', '--json'];
  const command = new RunningCommand('simulate', policy, ...words);
  await until(() => command.err.includes('left out'), PATIENCE_MS);
  command.stop('SIGINT');
  assert.equal(await command.ended, 130, command.err);
  const report = JSON.parse(command.out) as DayReport;
  assert.ok(report.forMs > 0 && report.forMs < DAYS_31_MS, String(report.forMs));
  assert.equal(report.forMs % 600_000, 0);
  assert.ok(report.total.received > 0);
  assert.match(command.err, /stopped after .* of 31 d \(seed 7\); the report is of that time/);
});
