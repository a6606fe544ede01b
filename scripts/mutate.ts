/**
 * `npm run mutate [-- --only TEXT] [--seed S] [--seconds N]`: plants each mutation of
 * test/mutations/mutants.ts in a copy of the sources and has it hunted; prints a table of what
 * found it, in how many steps and how much of a processor's time. The one idea: a law that finds no
 * planted mistake finds no other. Exit code 1 where one was not found, by a law that is not its,
 * in too many steps, or could not be planted. Never writes to the checkout.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { Hunted } from '../test/mutations/hunt.ts';
import type { Mutant } from '../test/mutations/mutants.ts';
import { MUTANTS, plant } from '../test/mutations/mutants.ts';

const STEPS_MAX = 10;
/** Of a processor's time, for the search alone. */
const SECONDS = '60';
/** Beyond the time to search: what shrinking and a slow machine may take. */
const MORE_MS = 600_000;
const COPIED = ['src', 'test', 'scripts', 'package.json', 'tsconfig.json'];

const root = fileURLToPath(new URL('..', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function hunt(mutant: Mutant, seed: string, seconds: string): Promise<Hunted> {
  const copy = await mkdtemp(join(tmpdir(), 'waybill-mutant-'));
  try {
    for (const name of COPIED) await cp(join(root, name), join(copy, name), { recursive: true });
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
    const file = join(copy, mutant.file);
    await writeFile(file, plant(mutant, await readFile(file, 'utf8')));
    const args = ['test/mutations/hunt.ts', mutant.hunter, mutant.laws.join(), seed, seconds];
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', ...args], {
      cwd: copy,
      timeout: Number(seconds) * 1_000 + MORE_MS,
    });
    return JSON.parse(stdout) as Hunted;
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** What is wrong with a find; undefined where nothing is. */
function faultOf({ laws }: Mutant, { law, steps }: Hunted): string | undefined {
  if (law === undefined) return `not found by ${laws.join(' or ')}`;
  return steps > STEPS_MAX ? `${steps} steps are more than ${STEPS_MAX}` : undefined;
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, seed: { type: 'string' }, seconds: { type: 'string' } },
});
const { only = '', seed = '1', seconds = SECONDS } = values;
const meant = MUTANTS.filter(({ name }) => name.includes(only));
if (meant.length === 0) say(`no mutation has '${only}' in its name`);
let faults = meant.length === 0 ? 1 : 0;
say('| mutation | found by | steps | worlds or walks | seconds |\n|---|---|---|---|---|');
for (const mutant of meant) {
  const hunted = await hunt(mutant, seed, seconds).catch((error: Error) => error);
  if (hunted instanceof Error) {
    faults += 1;
    say(`${mutant.name}: ${hunted.message}`);
    continue;
  }
  const { law, steps, plays, cpuS, says } = hunted;
  const cells = [mutant.name, `\`${law}\``, steps, plays || '-', cpuS.toFixed(1)];
  say(`| ${cells.join(' | ')} |`);
  const fault = faultOf(mutant, hunted);
  if (fault === undefined) continue;
  faults += 1;
  say(`${mutant.name}: ${fault} (${says.split('\n')[0]})`);
}
process.exitCode = faults === 0 ? 0 : 1;
