/**
 * `waybill why <queue|source|message>`: asks the running daemon why something waits and shows the
 * reasons, the binding one first. It says nothing that the daemon did not say.
 */
import { Command } from 'commander';
import type { Subject } from '../domain/explanation.ts';
import type { Told, ToldAnswer, ToldReason } from '../manager/telling.ts';
import { openClient } from './client.ts';
import { askControl, findControlDir } from './control.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { formatSpan } from './span.ts';
import { answer } from './table.ts';
import { DaemonRefusal } from './terminal.ts';

interface Flags extends EndpointFlags {
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
  $ waybill why --source ip-1 --json | jq .reasons[0]
`;

/** The `why` command. */
export const build = (): Command =>
  withEndpoint(new Command('why'))
    .description('Says why a queue, a message, a source or a path waits, and until when.')
    .argument('<name>', 'what to ask about')
    .option('--queue', 'NAME is a queue')
    .option('--message', 'NAME is a message id')
    .option('--source', 'NAME is a source')
    .option('--path', 'NAME is a path')
    .addHelpText('after', () => HELP + endpointHelp())
    .action((name: string, flags: Flags) => run(name, flags));

const KINDS = ['queue', 'message', 'source', 'path'] as const;

const run = async (name: string, flags: Flags): Promise<void> => {
  const wanted = KINDS.filter((kind) => flags[kind] === true);
  const subjects = (wanted.length > 0 ? wanted : KINDS).map((kind) => ({ kind, name }));
  const told = await askFirst(findAsker(flags), subjects);
  answer(flags.json, told, () => describeWhy(told));
};

type Ask = (subject: Subject) => Promise<unknown>;

const findAsker = (flags: Flags): Ask => {
  const dir = findControlDir(flags);
  if (dir !== undefined) return (subject) => askControl(dir, { do: 'explain', subject });
  const client = openClient(flags);
  return ({ kind, name }) => client.get('/api/admin/why/v1', { [kind]: name });
};

const askFirst = async (ask: Ask, subjects: readonly Subject[]): Promise<Told> => {
  const refusals: string[] = [];
  for (const subject of subjects) {
    try {
      return (await ask(subject)) as Told;
    } catch (error) {
      if (!(error instanceof DaemonRefusal)) throw error;
      refusals.push(error.message);
    }
  }
  throw new DaemonRefusal([...refusals, ...hintFor(subjects)].join('; '));
};

/** An address looks like a queue of a tenant; who asks by one mostly means somebody's mail. */
const hintFor = ([first]: readonly Subject[]): string[] =>
  first?.name.includes('@') === true && !first.name.includes('->')
    ? [`waybill journey ${first.name} finds the messages to an address`]
    : [];

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

const describeLast = ({ of, at, text }: ToldAnswer): string =>
  `  last answer${of === 'queue' ? ' in the queue' : ''}: ${text}\n      at ${at}`;

/** The answer for people. */
export const describeWhy = ({ subject, at, state, held, reasons, last_answer }: Told): string =>
  [
    `${subject.kind} ${subject.name}: ${held === undefined ? state : `${state}; ${held}`}`,
    ...(reasons.length === 0 ? ['  nothing holds it'] : []),
    ...reasons.flatMap((reason) => describeReason(reason, at)),
    ...(last_answer === undefined ? [] : [describeLast(last_answer)]),
  ].join('\n');
