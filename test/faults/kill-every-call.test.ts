/**
 * SIGKILL at the k-th call that reaches the disk, for every k of a scripted run: each sync, each
 * write, each rename. Some recoveries are killed as well, at a sync of their own.
 * The one idea: instead of guessing the dangerous moment, all of them are walked.
 * Deliberately unknown here: what the calls write. (strace counts per thread, so the thread pool is
 * narrowed to one thread and k walks the busiest thread of each call.)
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Daemon } from './daemon.ts';
import { makeProbes, mixedFate, promisedOf, Scenario } from './scenario.ts';
import type { Dice } from './scratch.ts';
import { inParallel, isFullRun, makeDice, makeScratch, pause, seedOfRun } from './scratch.ts';
import type { Answer } from './sender.ts';
import { sendAll } from './sender.ts';
import { whyNoStrace } from './strace.ts';

const MESSAGES = 50;
const LINES = 4;
const HANDS = 2;
const SAMPLE = 24;
const CALLS = ['fsync', 'fdatasync', 'pwrite64', 'pwritev', 'rename', 'unlink', 'ftruncate'];
/** Plain writes go to sockets and pipes too; they are walked in steps. */
const WRITES_WALKED_MAX = 60;
const READY_MS_MAX = 5_000;
const ONE_POOL_THREAD = { UV_THREADPOOL_SIZE: '1' };

interface Point {
  readonly call: string;
  readonly when: number;
}

interface Outcome {
  readonly isKilled: boolean;
  readonly promised: number;
  readonly second: number;
  readonly unknown: number;
  readonly readyMs: number;
}

/** Counts the calls of an undisturbed run: the largest number on one thread, for each call. */
async function countCalls(folder: string): Promise<Map<string, number>> {
  const scenario = new Scenario(folder, mixedFate);
  const trace = join(folder, 'trace');
  const form = ['strace', '-f', '--seccomp-bpf', '-o', trace, '-e', `trace=${CALLS},write`];
  await scenario.open();
  const daemon = new Daemon(scenario.policy, scenario.data, {
    shape: 'single',
    wrap: (command) => [...form, ...command],
    environment: ONE_POOL_THREAD,
  });
  try {
    await daemon.demandPort();
    await sendMail(daemon, []);
    await scenario.drain([]);
    await daemon.stop();
  } finally {
    await daemon.kill();
    await scenario.target.close();
  }
  const counts = new Map<string, number>();
  for (const [, pid, call] of readFileSync(trace, 'latin1').matchAll(/^(\d+)\s+(\w+)\(/gm)) {
    const key = `${call} ${pid}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const largest = new Map<string, number>();
  for (const [key, count] of counts) {
    const [call = ''] = key.split(' ');
    largest.set(call, Math.max(count, largest.get(call) ?? 0));
  }
  return largest;
}

/** All points of the walk. */
function listPoints(counts: ReadonlyMap<string, number>): Point[] {
  return [...counts].flatMap(([call, count]) => {
    const step = call === 'write' ? Math.ceil(count / WRITES_WALKED_MAX) : 1;
    const whens = Array.from({ length: Math.floor(count / step) }, (_, at) => 1 + at * step);
    return whens.map((when) => ({ call, when }));
  });
}

async function sendMail(daemon: Daemon, answers: Answer[]): Promise<void> {
  let isFirst = true;
  const port = async (): Promise<number | undefined> => {
    if (!daemon.isRunning || (!isFirst && answers.some(({ kind }) => kind === 'unanswered'))) {
      return undefined;
    }
    const found = await daemon.port();
    isFirst = false;
    return found;
  };
  await sendAll(makeProbes(MESSAGES), { lines: LINES, port, answered: (one) => answers.push(one) });
}

/** Runs the daemon until strace kills it at the point; answers whether it did. */
async function runUntilKilled(
  scenario: Scenario,
  { call, when }: Point,
  work: (daemon: Daemon) => Promise<void>,
): Promise<boolean> {
  const trace = join(scenario.folder, `trace-${call}-${when}`);
  const inject = `inject=${call}:signal=SIGKILL:when=${when}`;
  // Not with --seccomp-bpf: strace 6.1 then counts and injects nothing.
  const form = ['strace', '-f', '-o', trace, '-e', `trace=${call}`, '-e', inject];
  const wrap = (command: readonly string[]): readonly string[] => [...form, ...command];
  const daemon = new Daemon(scenario.policy, scenario.data, {
    shape: 'single',
    wrap,
    environment: ONE_POOL_THREAD,
  });
  // strace makes the file when it begins; before that nothing can have been hit.
  const isHit = (): boolean =>
    existsSync(trace) && readFileSync(trace, 'latin1').includes('killed by SIGKILL');
  try {
    let isDone = false;
    const watch = (async (): Promise<void> => {
      while (!isDone && daemon.isRunning) {
        await pause(20);
        // The rest of its processes goes at once, as if the machine had died with the first.
        if (daemon.isRunning && isHit()) await daemon.kill();
      }
    })();
    await work(daemon);
    isDone = true;
    await watch;
    return isHit();
  } finally {
    await daemon.kill();
  }
}

async function walkPoint(folder: string, point: Point, dice: Dice): Promise<Outcome> {
  mkdirSync(folder);
  const scenario = new Scenario(folder, mixedFate);
  await scenario.open();
  try {
    const answers: Answer[] = [];
    const isKilled = await runUntilKilled(scenario, point, async (daemon) => {
      await sendMail(daemon, answers);
      if (daemon.isRunning) await scenario.drain([]);
      if (daemon.isRunning) await daemon.stop();
    });
    if (dice.below(5) === 0) {
      const again = { call: 'fsync', when: 1 + dice.below(4) };
      await runUntilKilled(scenario, again, async (daemon) => {
        await daemon.port();
        await pause(dice.below(300));
      });
    }
    const daemon = await scenario.recover(promisedOf(answers));
    // A machine that pauses for long looks like a queue at rest: what is left gets another start.
    if (scenario.judge(answers).queued > 0) await scenario.recover(promisedOf(answers));
    const { promised, second, unknown, queued, breaches } = scenario.judge(answers);
    assert.deepEqual(breaches, []);
    assert.equal(queued, 0);
    return { isKilled, promised, second, unknown, readyMs: daemon.readyMs };
  } finally {
    await scenario.target.close();
  }
}

/** `FAULT_ONLY='pwrite64 77'`: the point a failure has named, again and again. */
function onlyPoints(): Point[] | undefined {
  const [call, when] = (process.env['FAULT_ONLY'] ?? '').split(' ');
  if (call === undefined || when === undefined) return undefined;
  return Array.from({ length: SAMPLE }, () => ({ call, when: Number(when) }));
}

const sumOf = (outcomes: readonly Outcome[], pick: (outcome: Outcome) => number): number =>
  outcomes.reduce((sum, outcome) => sum + pick(outcome), 0);

test('a kill at any disk call loses nothing', { skip: whyNoStrace() }, async (context) => {
  const seed = seedOfRun();
  const dice = makeDice(seed);
  const scratch = makeScratch('kill-every-call');
  context.after(() => scratch.remove());
  const counting = join(scratch.path, 'counting');
  mkdirSync(counting);
  const counts = await countCalls(counting);
  const all = listPoints(counts);
  const drawn = Array.from({ length: SAMPLE }, () => dice.oneOf(all));
  const points = onlyPoints() ?? (isFullRun() ? all : drawn);
  const outcomes: Outcome[] = [];
  const failures: string[] = [];
  await inParallel(points, HANDS, async (point, at) => {
    const folder = join(scratch.path, `point-${at}`);
    try {
      outcomes.push(await walkPoint(folder, point, dice));
    } catch (error) {
      failures.push(`${point.call} ${point.when} (${folder}): ${String(error)}`);
    }
  });
  const said = [...counts].map(([call, count]) => `${call} ${count}`).join(', ');
  context.diagnostic(
    `seed ${seed}: ${points.length} of ${all.length} points (${said}); ` +
      `${sumOf(outcomes, ({ isKilled }) => Number(isKilled))} kills, ` +
      `${sumOf(outcomes, ({ promised }) => promised)} promised, ` +
      `${sumOf(outcomes, ({ unknown }) => unknown)} unknown attempts, ` +
      `${sumOf(outcomes, ({ second }) => second)} second copies; slowest start ` +
      `${Math.round(Math.max(...outcomes.map(({ readyMs }) => readyMs)))} ms`,
  );
  assert.deepEqual(failures, []);
  assert.ok(sumOf(outcomes, ({ isKilled }) => Number(isKilled)) > points.length / 2);
  if (!isFullRun()) return;
  const slow = outcomes.filter(({ readyMs }) => readyMs > READY_MS_MAX);
  assert.equal(slow.length, 0, `${slow.length} starts took longer than ${READY_MS_MAX} ms`);
});
