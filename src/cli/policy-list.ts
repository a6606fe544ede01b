/**
 * `waybill policy list`: the versions of the policy, newest first, with what was refused and why.
 * It only reads the store.
 */
import process from 'node:process';
import { Command } from 'commander';
import type { VersionSummary } from '../domain/policy-version.ts';
import { parseCount } from './arguments.ts';
import { DATA_OPTION, formatTime, withStore } from './policy-store-reading.ts';
import { counted, exitCodeHelp, paint, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly max: number;
  readonly json?: boolean;
}

const LISTED = 20;

const HELP = `
The version in force is marked with a star.

Example:
  $ waybill policy list --data /var/spool/waybill --json | jq '.[] | select(.state == "refused")'`;

/** The `policy list` command. */
export const buildList = (): Command =>
  new Command('list')
    .summary('the versions of the policy, and what was refused')
    .description('Lists the versions of the policy, newest first.')
    .option(...DATA_OPTION)
    .option('--max <n>', 'how many', parseCount, LISTED)
    .option('--json', 'print them as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((flags: Flags) => run(flags));

const run = ({ data, max, json }: Flags): void => {
  const versions = withStore(data, (store) => store.list(max));
  if (json === true) print(JSON.stringify(versions));
  else if (versions.length === 0) print('no versions yet');
  else print(versions.map(describe).join('\n'));
};

const COLOURS = { accepted: 'green', candidate: 'yellow', refused: 'red' } as const;

const describe = (version: VersionSummary): string => {
  const { number, isCurrent, state, at, hash, reason, sentence, warnings } = version;
  const mark = isCurrent ? '*' : ' ';
  const word = paint(process.stdout, COLOURS[state], state.padEnd(9));
  const name = (hash || '-').padEnd(16);
  const line = `${mark} ${String(number).padStart(5)}  ${word}  ${formatTime(at)}  ${name}`;
  // What broke a law has its way there below: waybill policy show tells it.
  const [first = ''] = sentence.split('\n', 1);
  const rest = first === '' ? reason : `${reason}: ${first}`;
  const warned = warnings.length === 0 ? '' : ` (${counted(warnings.length, 'warning')})`;
  return `${line}  ${rest}${warned}`;
};
