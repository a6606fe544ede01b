/**
 * `waybill policy activate`, `rollback` and `reload`: the running daemon is asked to put an earlier
 * version, the one before, or what lies on the disk, in force; it proves that first. Knows no
 * policy.
 */
import { userInfo } from 'node:os';
import process from 'node:process';
import { Command } from 'commander';
import { BUDGET_MS_MAX } from '../domain/options-laws.ts';
import type { ByHand } from '../manager/messages.ts';
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
  readonly reason?: string;
  readonly by?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const ACTIVATE_HELP = `
The files on disk stay as they are: the next edit of one of them, a reload, and the next start of
waybilld load all of them again.

Example:
  $ waybill policy activate 3 --reason "the new pool is not warm" --data /var/spool/waybill`;

const ROLLBACK_HELP = `
Says from which version to which. Done twice it goes back twice, never forward to what was rolled
back. The files on disk stay as they are: the next edit of one of them, a reload, and the next start
of waybilld load all of them again, so mend them too. What waits keeps its due time; waybill rebind
--always-flush tries it at once.

Examples:
  $ waybill policy rollback --reason "example.net goes to the wrong port"
  $ waybill policy rollback --dry-run --data /var/spool/waybill`;

const RELOAD_HELP = `
The daemon watches its files and reloads by itself; this is for those who want to wait for it and
to hear what came of it: a deployment, or systemctl reload.

Example:
  $ waybill policy reload --data /var/spool/waybill`;

const withRemark = (command: Command): Command =>
  command
    .option('--reason <text>', 'why; on record')
    .option('--by <name>', 'who wants it; on record (default: the name of the user)');

const handOf = ({ reason, by = userInfo().username }: Flags): ByHand => {
  return { by, ...(reason === undefined ? {} : { cause: reason }) };
};

const withFlags = (command: Command, help: string): Command =>
  command
    .option(...DATA_OPTION)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', () => help + exitCodeHelp('the version was refused'));

/** The `policy activate` command. */
export const buildActivate = (): Command =>
  withRemark(withFlags(new Command('activate'), ACTIVATE_HELP))
    .summary('put a version in force by its number')
    .description('Asks the running waybilld to prove a version and put it in force.')
    .argument('<version>', 'its number', parseVersion)
    .action((version: number, flags: Flags) =>
      order(flags, { do: 'policy.activate', version, hand: handOf(flags) }),
    );

/** The `policy rollback` command. */
export const buildRollback = (): Command =>
  withRemark(withFlags(new Command('rollback'), ROLLBACK_HELP))
    .summary('put the version that was in force before in force again')
    .description('Asks the running waybilld to go back to the version before the present one.')
    .option('--dry-run', 'say which version that is, and do nothing')
    .action((flags: Flags) => {
      const { dryRun: isDryRun = false } = flags;
      return order(flags, { do: 'policy.rollback', hand: handOf(flags), isDryRun });
    });

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
  readonly from?: number;
  readonly onDisk?: number;
}

function describe({ version, kind, held, from }: Answer): string {
  if (kind === 'dry run') {
    const look = `waybill policy diff ${from} ${version} shows what that changes`;
    return `version ${from} would be rolled back to version ${version}; ${look}`;
  }
  const what = kind === 'unchanged' ? 'is unchanged, and asked anew' : 'is in force';
  const before = from === undefined || from === version ? '' : `, in place of version ${from}`;
  return `version ${version} ${what}${before}${held === undefined ? '' : `; ${held}`}`;
}

/** What undoes it unasked. */
function warn({ onDisk }: Answer): void {
  if (onDisk === undefined) return;
  const when = 'an edit, a reload or a start of waybilld';
  remark(`the files on the disk are version ${onDisk} still: ${when} loads them, so mend them too`);
}

async function order(
  { data, json }: Flags,
  question: Parameters<typeof askControl>[1],
): Promise<void> {
  try {
    const answer = await askControl(data, question, ANSWER_MS_MAX);
    if (json === true) {
      print(JSON.stringify(answer));
    } else {
      print(describe(answer as unknown as Answer));
      warn(answer as unknown as Answer);
    }
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
