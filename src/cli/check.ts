/**
 * `waybill check`: a policy in a simulated world, held against the laws for a bounded time. What is
 * found is printed as a timeline with the line that repeats it, and may be written as a test.
 * Touches no daemon and no network. How it is searched is in src/testing.
 */
import { constants, existsSync } from 'node:fs';
import { access, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';
import { sayMany } from '../domain/waiting.ts';
import type { LawFile, LawSearch } from '../manager/law-jobs.ts';
import type { LawEnd } from '../manager/law-watch.ts';
import { isPolicyError } from '../policy/policy-error.ts';
import type { CheckVerdict } from '../testing/verdict.ts';
import { repeatLine } from '../testing/verdict.ts';
import { parseCount, parseSeed } from './arguments.ts';
import { describeCheck, jsonOfCheck } from './check-text.ts';
import { compileFile } from './policy-file.ts';
import {
  CommandFailure,
  EXIT,
  exitCodeHelp,
  explain,
  INTERRUPTED,
  interruptHelp,
  onInterrupt,
  paint,
  print,
  remark,
  startProgress,
} from './terminal.ts';

/** What may be said on the command line. */
interface Flags {
  readonly seconds: number;
  readonly seed: number;
  readonly path?: string;
  readonly tenant?: readonly TenantPool[];
  readonly write?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

type TenantPool = readonly [tenant: string, pools: readonly string[]];

const SECONDS = 30;
const SEED = 1;
const INTERRUPT_HELP = interruptHelp('what was found by then is printed');

const HELP = `
Scenarios are drawn from the seed: mail to the domains and tenants that the policy
names, receivers that greylist, block, drop and stall, interfaces and proxies that
fail, reloads, restarts and kills. Each is simulated with the engine of waybilld
and held against the laws. What breaks one is made smaller for as long again.
The same policy, seed and path give the same run.

Examples:
  $ waybill check policy.ts
  $ waybill check policy.ts --seconds 300 --seed 7 --json
  $ waybill check policy.ts --tenant acme=acme-pool --tenant news=bulk,warm-up
  $ waybill check policy.ts --write test/found.test.mjs`;

const parsePath = (text: string): string => {
  if (/^\d+(?::\d+)*$/.test(text)) return text;
  throw new InvalidArgumentError('give the path that a check has printed, such as 12:3:0');
};

const parseTenant = (text: string, before: readonly TenantPool[] = []): TenantPool[] => {
  const [, tenant, pools = ''] = /^([^=]*)=(.+)$/.exec(text) ?? [];
  const names = pools.split(',').filter((name) => name !== '');
  if (tenant !== undefined && names.length > 0) return [...before, [tenant, names]];
  throw new InvalidArgumentError('write TENANT=POOL or TENANT=POOL,POOL');
};

/** The `check` command. */
export const build = (): Command =>
  new Command('check')
    .description('Tries a policy in a simulated world against the laws of delivery.')
    .argument('<policy>', 'the policy file')
    .option('--seconds <n>', 'time to search; shrinking may take as long', parseCount, SECONDS)
    .option('--seed <n>', 'where all chance comes from', parseSeed, SEED)
    .option('--path <path>', 'go straight to what a check has found', parsePath)
    .option(
      '--tenant <tenant=pools>',
      'these pools are for this tenant alone; again for others',
      parseTenant,
    )
    .option('--write <file>', 'write what is found as a test file')
    .option('--json', 'print the verdict as JSON')
    .option('--quiet', 'no progress bar')
    .addHelpText(
      'after',
      () => HELP + exitCodeHelp('a law was broken, or the policy is refused', INTERRUPT_HELP),
    )
    .action(run);

/** The folder of a file to be written, or the nearest above it that is there, takes files. */
async function proveRoom(name: string): Promise<void> {
  let folder = dirname(resolve(name));
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`);
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new CommandFailure(`${name}: ${explain(error)}`);
  }
}

async function run(file: string, flags: Flags): Promise<void> {
  // Said before the search, not after it.
  if (flags.write !== undefined && existsSync(flags.write)) {
    throw new CommandFailure(`${flags.write}: there is such a file; name another, or remove it`);
  }
  if (flags.write !== undefined) await proveRoom(flags.write);
  try {
    const policy = await compileFile(file);
    const end = await check(policy, flags);
    if (end.kind === 'refused') refuse(end.sentence, flags);
    else if (end.kind === 'judged') await tell(end.verdict, file, flags);
    else if (end.kind === 'stopped') await tellStopped(end, file, flags);
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    refuse(error.message, flags);
  }
}

function refuse(sentence: string, { json }: Flags): void {
  if (json === true) print(JSON.stringify({ isGood: false, refusal: sentence }));
  else remark(`${paint(process.stderr, 'red', 'the policy cannot be checked:')} ${sentence}`);
  process.exitCode = EXIT.wanting;
}

async function check(policy: LawFile, flags: Flags): Promise<LawEnd> {
  const { runLaws } = await import('../manager/law-watch.ts');
  const { seconds, seed, path, quiet, json } = flags;
  const tenants = tenantsOf(flags);
  const search: LawSearch = { seconds, seed, tenants, ...(path === undefined ? {} : { path }) };
  const bar = await startProgress(seconds, quiet !== true && json !== true);
  const beganMs = performance.now();
  const onRun = (runs: number, isShrinking: boolean): void => {
    const tookS = Math.floor((performance.now() - beganMs) / 1_000);
    bar.show(tookS, isShrinking ? `${runs} runs, making it smaller` : `${runs} runs`);
  };
  const stopping = new AbortController();
  onInterrupt(() => stopping.abort());
  const { signal } = stopping;
  return runLaws({ policy, search }, { onRun, signal }).finally(() => bar.stop());
}

/** Interrupted: what was found by then is told all the same. */
async function tellStopped(
  { runs, verdict }: Extract<LawEnd, { readonly kind: 'stopped' }>,
  file: string,
  flags: Flags,
): Promise<void> {
  const { seed, json } = flags;
  const after = `stopped after ${sayMany(runs, 'run')} (seed ${seed})`;
  if (verdict !== undefined) await tell(verdict, file, flags);
  else if (json === true) print(JSON.stringify({ isGood: null, isStopped: true, seed, runs }));
  const isSmall = 'what was found may not be as small as it gets';
  remark(`${after}; ${verdict === undefined ? 'no law was broken in them' : isSmall}`);
  process.exitCode = INTERRUPTED;
}

const tenantsOf = ({ tenant = [] }: Flags): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(tenant);

async function tell(verdict: CheckVerdict, file: string, flags: Flags): Promise<void> {
  const repeat = repeatLine(file, verdict, tenantsOf(flags));
  if (flags.json === true) print(JSON.stringify(jsonOfCheck(verdict, repeat)));
  else print(describeCheck(verdict, repeat));
  if (verdict.found === undefined) return;
  process.exitCode = EXIT.wanting;
  await write(verdict, file, flags);
}

async function write({ found }: CheckVerdict, file: string, flags: Flags): Promise<void> {
  const { write: name } = flags;
  if (name === undefined || found === undefined) return;
  const { testFileOf } = await import('../testing/test-file.ts');
  const path = relative(dirname(resolve(name)), resolve(file)).replaceAll('\\', '/');
  const shown = path.startsWith('.') ? path : `./${path}`;
  try {
    await mkdir(dirname(resolve(name)), { recursive: true });
    await writeFile(name, testFileOf(found, shown, tenantsOf(flags)), { flag: 'wx' });
  } catch (error) {
    // No half of a test is left; a file that came meanwhile is somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(name, { force: true });
    throw new CommandFailure(`${name}: ${explain(error)}`);
  }
  const loader = /ts$/.test(name) ? '--import tsx ' : '';
  remark(`written: ${name}; run it with: node ${loader}--test ${name}`);
}
