/**
 * `npm run same-run [-- --node PATH] [--renew]`: prints the hashes of the runs that are kept in the
 * repository; with `--node` another Node runs them as well and must come to the same; `--renew`
 * writes the file, as is due after every change of what the engine does. Exit code 1 where two
 * differ. The one idea: each side is a process of its own. Knows no run.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { Prints } from '../test/swarm/prints.ts';
import { PRINTS_FILE, printAll, RENEW } from '../test/swarm/prints.ts';

const { values } = parseArgs({
  options: { node: { type: 'string' }, renew: { type: 'boolean' }, json: { type: 'boolean' } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function printElsewhere(node: string): Promise<Prints> {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), '--json'];
  const { stdout } = await promisify(execFile)(node, args, { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as Prints;
}

/** Says each print, and whether it is the same; answers how many are not. */
function compare(name: string, prints: Prints, others: Prints): number {
  const names = [...new Set([...Object.keys(prints), ...Object.keys(others)])];
  const different = names.filter((one) => prints[one] !== others[one]);
  for (const one of different) say(`${one}: ${prints[one]} here, ${others[one]} ${name}`);
  say(`${names.length - different.length} of ${names.length} runs are the same ${name}`);
  return different.length;
}

const prints = await printAll();
if (values.json === true) say(JSON.stringify(prints));
else {
  for (const [name, hash] of Object.entries(prints)) say(`${hash}  ${name}`);
  const { node } = values;
  let different = 0;
  if (node !== undefined) {
    const { stdout } = await promisify(execFile)(node, ['--version']);
    const about = `on Node ${stdout.trim()} as on ${process.version}`;
    different += compare(about, prints, await printElsewhere(node));
  }
  if (values.renew === true) writeFileSync(PRINTS_FILE, `${JSON.stringify(prints, null, 2)}\n`);
  else {
    const kept = JSON.parse(readFileSync(PRINTS_FILE, 'utf8')) as Prints;
    const stale = compare('as in test/property/same-run.json', prints, kept);
    if (stale > 0) say(`where the engine was changed on purpose: ${RENEW}`);
    different += stale;
  }
  process.exitCode = different === 0 ? 0 : 1;
}
