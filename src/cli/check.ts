/**
 * `waybill check`: a policy in a simulated world, held against the laws for a bounded time. What is
 * found is printed as a timeline with the line that repeats it, and may be written as a test.
 * Touches no daemon and no network. How it is searched is in src/testing.
 */
import { stat, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import process from 'node:process';
import { setImmediate as breathe } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { isPolicyError } from '../policy/policy-error.ts';
import type { Checked, TestPolicy } from '../testing/testing.ts';
import { parseCount, parseSeed } from './arguments.ts';
import { describeCheck, jsonOfCheck } from './check-text.ts';
import {
  CommandFailure,
  EXIT,
  exitCodeHelp,
  explain,
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
  $ waybill check policy.ts --write test/found.test.ts`;

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
    .addHelpText('after', () => HELP + exitCodeHelp('a law was broken, or the policy is refused'))
    .action(run);

const load = async (file: string): Promise<TestPolicy> => {
  await stat(file).catch((error: unknown) => {
    throw new CommandFailure(`${file}: ${explain(error)}`);
  });
  const { loadPolicy } = await import('../testing/testing.ts');
  return loadPolicy(file);
};

async function run(file: string, flags: Flags): Promise<void> {
  try {
    const policy = await load(file);
    await check(policy, file, flags);
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    if (flags.json === true) print(JSON.stringify({ isGood: false, refusal: error.message }));
    else
      remark(`${paint(process.stderr, 'red', 'refused by the policy-loader:')} ${error.message}`);
    process.exitCode = EXIT.wanting;
  }
}

async function check(policy: TestPolicy, file: string, flags: Flags): Promise<void> {
  const { checkPolicy, laws, tenantsKeepToTheirPools } = await import('../testing/testing.ts');
  const { seconds, seed, path, tenant = [] } = flags;
  const tenants = Object.fromEntries(tenant);
  const judged = tenant.length === 0 ? laws : [...laws, tenantsKeepToTheirPools(tenants)];
  const bar = await startProgress(seconds, flags.quiet !== true && flags.json !== true);
  const beganMs = performance.now();
  const onRun = async (runs: number, isShrinking: boolean): Promise<void> => {
    const tookS = Math.floor((performance.now() - beganMs) / 1_000);
    bar.show(tookS, isShrinking ? `${runs} runs, making it smaller` : `${runs} runs`);
    // Signals and the bar want their turn.
    await breathe();
  };
  const options = { seconds, seed, laws: judged, onRun, ...(path === undefined ? {} : { path }) };
  const checked = await checkPolicy(policy, options).finally(() => bar.stop());
  const repeat = repeatLine(file, flags, checked);
  if (flags.json === true) print(JSON.stringify(jsonOfCheck(checked, policy, repeat)));
  else print(describeCheck(checked, policy, repeat));
  if (checked.counterexample === undefined) return;
  process.exitCode = EXIT.wanting;
  await write(checked, file, tenants, flags);
}

async function write(
  { counterexample }: Checked,
  file: string,
  tenants: Readonly<Record<string, readonly string[]>>,
  flags: Flags,
): Promise<void> {
  if (flags.write === undefined || counterexample === undefined) return;
  const { testFileOf } = await import('../testing/test-file.ts');
  const path = relative(dirname(resolve(flags.write)), resolve(file)).replaceAll('\\', '/');
  const shown = path.startsWith('.') ? path : `./${path}`;
  await writeFile(flags.write, testFileOf(counterexample, shown, tenants), { flag: 'wx' }).catch(
    (error: unknown) => {
      throw new CommandFailure(`${flags.write}: ${explain(error)}`);
    },
  );
  remark(`written: ${flags.write}`);
}

/** The command that leads straight to it. */
function repeatLine(
  file: string,
  { tenant = [], seed }: Flags,
  { counterexample }: Checked,
): string {
  const tenants = tenant.map(([name, pools]) => `--tenant ${name}=${pools.join(',')}`);
  const path = counterexample?.path ?? '';
  const words = ['waybill check', file, `--seed ${seed}`, path && `--path ${path}`, ...tenants];
  return words.filter((word) => word !== '').join(' ');
}
