/**
 * `waybill policy activate`: puts an earlier version of the policy in force again, by asking the
 * running daemon, which proves it first.
 */
import { Command } from 'commander';
import { askControl } from './control.ts';
import { DATA_OPTION, parseVersion } from './policy-store-reading.ts';
import { CommandFailure, DaemonRefusal, EXIT, exitCodeHelp, explain, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly json?: boolean;
}

const HELP = `
The files on disk stay as they are: the next edit of one of them loads all of them again.

Example:
  $ waybill policy activate 3 --data /var/spool/waybill`;

/** The `policy activate` command. */
export const buildActivate = (): Command =>
  new Command('activate')
    .summary('put a version in force, for instance the one before')
    .description('Asks the running waybilld to prove a version and put it in force.')
    .argument('<version>', 'its number', parseVersion)
    .option(...DATA_OPTION)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp('the version was refused'))
    .action((number: number, flags: Flags) => run(number, flags));

const run = async (version: number, { data, json }: Flags): Promise<void> => {
  try {
    const answer = await askControl(data, { do: 'policy.activate', version });
    print(json === true ? JSON.stringify(answer) : `version ${version} is in force`);
  } catch (error) {
    const code = error instanceof DaemonRefusal ? EXIT.wanting : EXIT.failed;
    throw new CommandFailure(capital(explain(error)), code);
  }
};

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
