/**
 * `waybill policy activate` and `waybill policy reload`: the running daemon is asked to put an
 * earlier version, or what lies on the disk, in force; it proves that first. Knows no policy.
 */
import process from 'node:process';
import { Command } from 'commander';
import { BUDGET_MS_MAX } from '../domain/options-laws.ts';
import { askControl } from './control.ts';
import { DATA_OPTION, parseVersion } from './policy-store-reading.ts';
import {
  CommandFailure,
  DaemonRefusal,
  EXIT,
  exitCodeHelp,
  explain,
  paint,
  print,
  remark,
} from './terminal.ts';

/** Compiling, proving and the worker; and the laws, which may take two of their budgets. */
const ANSWER_MS_MAX = 150_000 + 2 * BUDGET_MS_MAX;

interface Flags {
  readonly data: string;
  readonly json?: boolean;
}

const ACTIVATE_HELP = `
The files on disk stay as they are: the next edit of one of them loads all of them again.

Example:
  $ waybill policy activate 3 --data /var/spool/waybill`;

const RELOAD_HELP = `
The daemon watches its files and reloads by itself; this is for those who want to wait for it and
to hear what came of it: a deployment, or systemctl reload.

Example:
  $ waybill policy reload --data /var/spool/waybill`;

const withFlags = (command: Command, help: string): Command =>
  command
    .option(...DATA_OPTION)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', () => help + exitCodeHelp('the version was refused'));

/** The `policy activate` command. */
export const buildActivate = (): Command =>
  withFlags(new Command('activate'), ACTIVATE_HELP)
    .summary('put a version in force, for instance the one before')
    .description('Asks the running waybilld to prove a version and put it in force.')
    .argument('<version>', 'its number', parseVersion)
    .action((version: number, flags: Flags) => order(flags, { do: 'policy.activate', version }));

/** The `policy reload` command. */
export const buildReload = (): Command =>
  withFlags(new Command('reload'), RELOAD_HELP)
    .summary('load the policy again, and wait for what comes of it')
    .description('Asks the running waybilld to prove what is on the disk and put it in force.')
    .action((flags: Flags) => order(flags, { do: 'policy.reload' }));

/** As the manager answers it. */
interface Answer {
  readonly version: number;
  readonly kind: string;
  readonly held?: string;
}

function describe({ version, kind, held }: Answer): string {
  const what = kind === 'unchanged' ? 'is unchanged, and asked anew' : 'is in force';
  return `version ${version} ${what}${held === undefined ? '' : `; ${held}`}`;
}

async function order(
  { data, json }: Flags,
  question: Parameters<typeof askControl>[1],
): Promise<void> {
  try {
    const answer = await askControl(data, question, ANSWER_MS_MAX);
    if (json === true) print(JSON.stringify(answer));
    else print(describe(answer as unknown as Answer));
  } catch (error) {
    if (!(error instanceof DaemonRefusal)) throw new CommandFailure(capital(explain(error)));
    const [sentence = '', ...account] = capital(error.message).split('\n');
    if (account.length === 0) throw new CommandFailure(sentence, EXIT.wanting);
    // What broke a law is told in several lines.
    remark([`${paint(process.stderr, 'red', 'waybill:')} ${sentence}`, ...account].join('\n'));
    process.exitCode = EXIT.wanting;
  }
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
