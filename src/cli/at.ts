/**
 * `waybill at TIME`: rebuilds the books as they were at a point of the log and answers what an
 * operator could have asked then. It says nothing that the log does not say. Answers are made in
 * at-answers.ts and shown by at-show.ts.
 */
import { Command, Option } from 'commander';
import type { Ranking } from '../domain/inspection.ts';
import { RANKINGS } from '../domain/inspection.ts';
import { Past } from '../forensics/past.ts';
import { stepOn } from '../forensics/stepping.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { parseCount } from './arguments.ts';
import { answerAt, findQuestion, QUESTIONS } from './at-answers.ts';
import { showAnswer, showStep } from './at-show.ts';
import {
  nowMs,
  openPast,
  pointOf,
  rebuildTo,
  TIME_HELP,
  takesTimes,
  tellBeginning,
  tellDamage,
} from './past-log.ts';
import { CommandFailure, EXIT, exitCodeHelp, print } from './terminal.ts';

/** Events in one answer. */
const STEPS_MAX = 10_000;

interface Flags {
  readonly data: string;
  readonly json?: boolean;
  readonly step?: number;
  readonly sort: Ranking;
  readonly limit: number;
  readonly prefix: string;
}

const questionHelp = (): string =>
  Object.entries(QUESTIONS)
    .map(([name, { says, ...more }]) => {
      const title = 'name' in more ? `${name} NAME` : name;
      return `  ${title.padEnd(22)}${says}`;
    })
    .join('\n');

const help = (): string => `
Questions (overview without one):
${questionHelp()}
  ${'step [N]'.padEnd(22)}the next N events one by one, with what each changed
${TIME_HELP}
It reads only: the daemon may be stopped, run on, or have left a copy of its data directory.

Examples:
  $ waybill at 12:03 queues --sort age --data /var/spool/waybill
  $ waybill at -10m why example.com --json
  $ waybill at position:1234 step 5`;

/** The `at` command. */
export const build = (): Command =>
  takesTimes(new Command('at'))
    .description('Rebuilds the books from the log as they were at a time, and answers from them.')
    .argument('<time>', 'when, see below')
    .argument('[question]', 'what to answer, see below')
    .argument('[name]', 'what the question is about; for step, how many events')
    .option('--data <dir>', 'data directory of the daemon, or a copy of it', DATA_DEFAULT)
    .option('--json', 'print the answer as JSON, in the shape of the HTTP API')
    .option('--step <n>', 'the next n events one by one, as the question `step n`', parseCount)
    .addOption(
      new Option('--sort <by>', 'how queues are ranked').choices(RANKINGS).default('depth'),
    )
    .option('--limit <n>', 'how many queues, or messages of a queue', parseCount, 20)
    .option('--prefix <text>', 'only queues whose names begin so', '')
    .addHelpText('after', () => help() + exitCodeHelp('there was nothing of that name'))
    .action(run);

async function run(
  time: string,
  question: string | undefined,
  name: string | undefined,
  flags: Flags,
): Promise<void> {
  const steps = stepsOf(question, name, flags);
  const asked = steps === undefined ? findQuestion(question ?? 'overview', name) : undefined;
  const log = openPast(flags.data);
  const point = pointOf(log, time, nowMs());
  const isQuiet = flags.json === true;
  const rebuild = await rebuildTo(log, point.position, isQuiet);
  tellBeginning(log, point);
  if (!isQuiet) tellDamage(rebuild);
  const turn = rebuild.last?.turn;
  const head = { at: new Date(point.at).toISOString(), position: point.position, turn };
  const damage = rebuild.damage.length === 0 ? {} : { damage: rebuild.damage };
  if (asked === undefined) {
    const found = [...stepOn(log, rebuild, steps ?? 1)];
    if (isQuiet) return print(JSON.stringify({ time: head, steps: found, ...damage }));
    return print(found.length === 0 ? 'the log ends here' : found.map(showStep).join('\n'));
  }
  const past = new Past(log, rebuild, point.at);
  const { sort, limit, prefix } = flags;
  const answered = answerAt(past, asked, { name, sort, limit, prefix });
  if (isQuiet) {
    const { answer, notInLog } = answered;
    return print(JSON.stringify({ time: head, answer, not_in_log: notInLog, ...damage }));
  }
  print(`${head.at}, position ${head.position}, turn ${turn ?? '-'}`);
  print(showAnswer(asked, answered));
}

/** How many events are to be stepped over; undefined where another question is asked. */
function stepsOf(
  question: string | undefined,
  name: string | undefined,
  { step }: Pick<Flags, 'step'>,
): number | undefined {
  if (question !== 'step') {
    if (step === undefined) return undefined;
    if (question === undefined) return stepsOf('step', undefined, { step });
    throw new CommandFailure('--step stands alone: ask either it or a question.', EXIT.usage);
  }
  const count = name === undefined ? (step ?? 1) : /^\d+$/.test(name) ? Number(name) : 0;
  if (count >= 1 && count <= STEPS_MAX) return count;
  throw new CommandFailure(`step takes a number from 1 to ${STEPS_MAX}.`, EXIT.usage);
}
