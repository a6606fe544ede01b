/**
 * `waybill journey KEY`: what happened to a message, from the log alone or from a running daemon.
 * The one idea: both give the same answer, so whoever knows one way knows the other; what holds a
 * message just now is added where an engine runs.
 * Deliberately unknown here: how messages are found, and how an answer looks in text.
 */
import process from 'node:process';
import { Command } from 'commander';
import { LogOpenError } from '../events/log-report.ts';
import { answerJourney, tellAnswer } from '../forensics/journey/answering.ts';
import type { JourneyQuestion } from '../forensics/journey/finding.ts';
import { openReading } from '../forensics/reading.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { askManager } from '../manager/control-client.ts';
import type { Told } from '../manager/telling.ts';
import { parseCount } from './arguments.ts';
import { openClient } from './client.ts';
import { findSaid } from './endpoint.ts';
import type { ToldAnswer } from './journey-text.ts';
import { describeAnswer } from './journey-text.ts';
import { demandOrder, parsePast, TIMES_HELP } from './past-time.ts';
import {
  CommandFailure,
  counted,
  EXIT,
  exitCodeHelp,
  print,
  remark,
  startProgress,
} from './terminal.ts';

interface Flags {
  readonly data?: string;
  readonly endpoint?: string;
  readonly json?: boolean;
  readonly tenant?: string;
  readonly from?: number;
  readonly to?: number;
  readonly before?: number;
}

const HELP = `
KEY is one of: our id of the message, its Message-ID, the address of a recipient, the id under which
the other side queued it (as its reply has it: "queued as 4TfX2z3qYz"). All are tried. Without KEY,
--tenant lists messages. Where several are found they are listed, newest first, 100 at a time; how
many more there are is said at the end, with the --before that goes on from there.

--from and --to choose among messages found by recipient, Message-ID, queue id or tenant.
${TIMES_HELP}

DIR is the data directory of a daemon, running or stopped, or a folder of log segments copied from
one, or a single segment. An index beside it (folder journey) is made where it is missing; deleting
that folder is harmless.

Examples:
  $ waybill journey 019b76da8400c0ffee00000000000001
  $ waybill journey bob@example.com --from 2h
  $ waybill journey 4TfX2z3qYz --data /srv/copied-log --json | jq .journey.standing
  $ waybill journey --tenant acme --from 2026-01-31T12:00:00Z --to 2026-01-31T12:05:00Z
  $ waybill journey --tenant acme --from 1d --before 48211907
  $ waybill journey '<20260131.1@example.com>' --endpoint http://127.0.0.1:8000

--endpoint takes credentials from WAYBILL_TOKEN (Bearer), or as user:password@ in the URL.`;

const FORBIDDEN_HELP = '  77  the daemon does not let us; see docs/http-api.md';

const DATA_SAID = `(default: where WAYBILL_ENDPOINT points, else "${DATA_DEFAULT}")`;

/** The `journey` command. */
export const build = (): Command =>
  new Command('journey')
    .description('Tells what happened to a message: reception, decisions, waits, attempts.')
    .argument('[key]', 'an id, a Message-ID, a recipient, or the remote queue id')
    .option('--tenant <name>', 'messages of this tenant')
    .option('--from <time>', 'not before this time', parsePast)
    .option('--to <time>', 'not after this time', parsePast)
    .option('--before <position>', 'the next page of a list: what its end says', parseCount)
    .option('--data <dir>', `data directory, folder of segments, or segment ${DATA_SAID}`)
    .option('--endpoint <url>', 'ask the HTTP listener of a running daemon instead')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      () => HELP + exitCodeHelp('no such message is in the log', [FORBIDDEN_HELP]),
    )
    .action((key: string | undefined, flags: Flags) => run(key, flags));

async function run(key: string | undefined, flags: Flags): Promise<void> {
  const { tenant, from, to: upto, before, data, json } = flags;
  const said = data === undefined ? findSaid() : undefined;
  const endpoint = flags.endpoint ?? (said === undefined ? undefined : process.env[said]);
  if ((key ?? tenant ?? '').trim() === '') {
    throw new CommandFailure('give a KEY or --tenant; see waybill journey --help', EXIT.usage);
  }
  demandOrder(from, upto);
  const question = { key, tenant, from, upto, before };
  const answer =
    endpoint === undefined
      ? await askLog(data ?? DATA_DEFAULT, question, json !== true)
      : await askEndpoint(endpoint, question);
  print(json === true ? JSON.stringify(answer) : describeAnswer(answer));
  if (answer.kind === 'nothing') process.exitCode = EXIT.wanting;
}

async function askLog(data: string, question: JourneyQuestion, isShown: boolean) {
  const progress = await startProgress(1000, isShown);
  const reading = open(data, (done, total) =>
    progress.show(Math.round((1000 * done) / total), `indexing ${counted(total, 'record')}`),
  );
  progress.stop();
  try {
    const answer = tellAnswer(answerJourney(reading.look, question));
    for (const { sentence } of reading.damage.slice(0, 5)) remark(sentence);
    return await withWhy(data, answer);
  } finally {
    reading.close();
  }
}

function open(data: string, shown: (done: number, total: number) => void) {
  try {
    return openReading(data, shown);
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
}

/** What holds a living message just now, where a daemon runs on the directory. */
async function withWhy(data: string, answer: ToldAnswer): Promise<ToldAnswer> {
  if (answer.kind !== 'journey' || answer.journey.standing.state === 'ended') return answer;
  const subject = { kind: 'message', name: answer.journey.id } as const;
  try {
    const why = await askManager(data, { do: 'explain', subject });
    return { ...answer, why: why as unknown as Told };
  } catch {
    // Nobody runs there, or the message has ended since: the log has told all there is.
    return answer;
  }
}

async function askEndpoint(endpoint: string, question: JourneyQuestion): Promise<ToldAnswer> {
  const { key, tenant, from, upto, before } = question;
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : new Date(at).toISOString();
  const query = { key, tenant, from: time(from), to: time(upto), before };
  return await openClient({ endpoint }).get<ToldAnswer>('/api/admin/journey/v1', query);
}
