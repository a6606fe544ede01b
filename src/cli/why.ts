/**
 * `waybill why <queue|source|message>`: asks the running daemon why something waits and shows the
 * reasons, the binding one first. It says nothing that the daemon did not say.
 */
import { Command } from 'commander';
import type { Subject } from '../domain/explanation.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { askManager } from '../manager/control-client.ts';
import type { Told, ToldReason } from '../manager/telling.ts';
import { formatSpan } from './status.ts';
import { CommandFailure, exitCodeHelp, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly json?: boolean;
  readonly queue?: boolean;
  readonly source?: boolean;
  readonly path?: boolean;
  readonly message?: boolean;
}

const HELP = `
NAME is a queue (example.com, campaign:tenant@example.com), the id of a message, a source, or a
path as source->site@smtp_client. Without a flag all of them are tried in this order.

Examples:
  $ waybill why example.com
  $ waybill why --source ip-1 --json | jq .reasons[0]`;

/** The `why` command. */
export const build = (): Command =>
  new Command('why')
    .description('Says why a queue, a message, a source or a path waits, and until when.')
    .argument('<name>', 'what to ask about')
    .option('--queue', 'NAME is a queue')
    .option('--message', 'NAME is a message id')
    .option('--source', 'NAME is a source')
    .option('--path', 'NAME is a path')
    .option('--data <dir>', 'data directory of the daemon', DATA_DEFAULT)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((name: string, flags: Flags) => run(name, flags));

const KINDS = ['queue', 'message', 'source', 'path'] as const;

const run = async (name: string, flags: Flags): Promise<void> => {
  const wanted = KINDS.filter((kind) => flags[kind] === true);
  const subjects = (wanted.length > 0 ? wanted : KINDS).map((kind) => ({ kind, name }));
  const told = await askFirst(flags.data, subjects);
  print(flags.json === true ? JSON.stringify(told) : describeWhy(told));
};

const askFirst = async (data: string, subjects: readonly Subject[]): Promise<Told> => {
  const refusals: string[] = [];
  for (const subject of subjects) {
    try {
      return (await askManager(data, { do: 'explain', subject })) as unknown as Told;
    } catch (error) {
      if ((error as Error).name === 'NoManager') throw new CommandFailure((error as Error).message);
      refusals.push((error as Error).message);
    }
  }
  throw new CommandFailure(refusals.join('; '));
};

const describeEnd = (until: string, at: string): string => {
  const leftMs = Date.parse(until) - Date.parse(at);
  return leftMs > 0 ? `until ${until} (${formatSpan(leftMs)} left)` : `until ${until}`;
};

const describeReason = ({ name, text, until, rule }: ToldReason, at: string): string[] => [
  `  ${name}: ${text}`,
  ...(until === undefined ? [] : [`      ${describeEnd(until, at)}`]),
  ...(rule === undefined
    ? []
    : [`      ${rule.option} = ${rule.value}, set in ${rule.origin} (${rule.handler})`]),
];

/** The answer for people. */
export const describeWhy = ({ subject, at, state, reasons }: Told): string =>
  [
    `${subject.kind} ${subject.name}: ${state}`,
    ...(reasons.length === 0 ? ['  nothing holds it'] : []),
    ...reasons.flatMap((reason) => describeReason(reason, at)),
  ].join('\n');
