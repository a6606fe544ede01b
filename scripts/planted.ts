/**
 * `npm run planted [-- --seeds 1,2,3] [--only TEXT]`: a check of the laws finds each mistake of
 * test/examples/planted-policy.ts; prints a table of what found it, in how many steps and runs,
 * and how much of a processor's time, each the median of the seeds. Every check has a process of
 * its own, as `waybill check` has: none is warmed up by another. Exit code 1 where one is not
 * found.
 */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { checkPolicy, laws, loadPolicy, tenantsKeepToTheirPools } from '../src/testing/testing.ts';
import { MISTAKES, writePlanted } from '../test/examples/planted-policy.ts';

/** By the clock on the wall, which a busy machine stretches. */
const SECONDS = 240;
const JUDGED = [...laws, tenantsKeepToTheirPools({ acme: ['acme-pool'] })];

/** What came of one check. */
interface Found {
  readonly law: string;
  readonly steps: number;
  readonly runs: number;
  readonly searchS: number;
  readonly cpuS: number;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function check(index: number, seed: number): Promise<Found> {
  const file = await writePlanted(MISTAKES[index]?.parts);
  try {
    const policy = await loadPolicy(file);
    const began = process.cpuUsage();
    const cpuS = (): number => {
      const { user, system } = process.cpuUsage(began);
      return (user + system) / 1e6;
    };
    let searchS: number | undefined;
    const onFound = (): void => {
      searchS ??= cpuS();
    };
    const checked = await checkPolicy(policy, { seconds: SECONDS, seed, laws: JUDGED, onFound });
    const { counterexample: found, runs } = checked;
    const told = { law: found?.law.name ?? '', steps: found?.scenario.steps.length ?? 0 };
    return { ...told, runs, searchS: searchS ?? cpuS(), cpuS: cpuS() };
  } finally {
    await rm(dirname(file), { recursive: true });
  }
}

async function checkApart(index: number, seed: number): Promise<Found> {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), '--one', `${index}`];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, '--seeds', `${seed}`]);
  return JSON.parse(stdout) as Found;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function tellAll(seeds: readonly number[], only: string): Promise<void> {
  say('| mistake | law | steps | runs | seconds | the most |\n|---|---|---|---|---|---|');
  for (const [index, { what }] of MISTAKES.entries()) {
    if (!what.includes(only)) continue;
    const found: Found[] = [];
    for (const seed of seeds) found.push(await checkApart(index, seed));
    const names = [...new Set(found.map(({ law }) => `\`${law}\``))].join(', ');
    const [steps, runs, cpuS] = (['steps', 'runs', 'cpuS'] as const).map((key) =>
      median(found.map((one) => one[key])),
    );
    const most = Math.max(...found.map((one) => one.cpuS));
    say(`| ${[what, names, steps, runs, cpuS?.toFixed(1), most.toFixed(1)].join(' | ')} |`);
    if (found.some(({ law }) => law === '')) process.exitCode = 1;
  }
}

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, only: { type: 'string' }, one: { type: 'string' } },
});
const seeds = (values.seeds ?? '1,2,3').split(',').map(Number);
if (values.one === undefined) await tellAll(seeds, values.only ?? '');
else say(JSON.stringify(await check(Number(values.one), seeds[0] ?? 1)));
