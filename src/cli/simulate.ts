/**
 * `waybill simulate`: what a policy would do with the mail of a day. Traffic comes from a file,
 * receivers behave well or as models say, time is virtual; what was sent when, over which source
 * and with which deferrals is printed as tables, JSON or a page. Touches no daemon and no network.
 * How it is simulated is in src/testing/day.
 */
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import { OptionError, OptionValueError } from '../domain/option-error.ts';
import type { DayEnd } from '../manager/day-watch.ts';
import type { LawFile } from '../manager/law-jobs.ts';
import { isPolicyError } from '../policy/policy-error.ts';
import type { DayReceivers, DayReport } from '../testing/testing.ts';
import { parseMoment, parseSeed } from './arguments.ts';
import { compileFile } from './policy-file.ts';
import { openTraffic, proveWritable, readModelsText, writeWhole } from './simulate-files.ts';
import { formatSpan } from './span.ts';
import {
  CommandFailure,
  count,
  EXIT,
  exitCodeHelp,
  INTERRUPTED,
  interruptHelp,
  onInterrupt,
  paint,
  print,
  remark,
  startProgress,
} from './terminal.ts';

interface Flags {
  readonly traffic: string;
  readonly for: number;
  readonly from?: number;
  readonly seed: number;
  readonly models?: string;
  readonly fit?: string;
  readonly json?: boolean;
  readonly html?: string;
  readonly quiet?: boolean;
}

const DAY_MS = 86_400_000;
const FOR_MS_MAX = 31 * DAY_MS;
const MINUTE_MS = 60_000;
const SEED = 1;
const FIT_STEPS = 1_000;
const INTERRUPT_HELP = interruptHelp('the report is of the time that was over');

const HELP = `
Each line of the traffic file is a message, a flow of messages, or a log record:
  {"at":"00:10:00","from":"news@example.com","to":["user@gmail.com"],"size":"20k"}
  {"flow":"news","from":"06:00","for":"12h","messages":50000,"tenant":"acme",
   "domains":{"gmail.com":30,"yahoo.com":10}}
Records of log files that tell of a Reception are taken as they are. Receivers
behave well unless models of them are given, or fitted from a log. Figures are
recipients.
The same policy, traffic, models and seed give the same report.

Examples:
  $ waybill simulate policy.ts --traffic day.ndjson
  $ waybill simulate policy.ts --traffic day.ndjson --for 48h --html report.html
  $ waybill simulate policy.ts --traffic day.ndjson --models models.json --json
  $ waybill simulate policy.ts --traffic day.ndjson --fit /var/spool/waybill`;

const parseFor = (text: string): number => {
  try {
    const ms = parseDuration(text);
    if (ms >= MINUTE_MS && ms <= FOR_MS_MAX) return ms;
  } catch (error) {
    if (!(error instanceof OptionValueError)) throw error;
  }
  throw new InvalidArgumentError("Expected a span from '1m' to '31d', such as 24h.");
};

/** The `simulate` command. */
export const build = (): Command =>
  new Command('simulate')
    .description('Shows what a policy would do with the mail of a day, in a simulated world.')
    .argument('<policy>', 'the policy file')
    .requiredOption('--traffic <file>', 'the mail that comes in, one JSON object a line')
    .option('--for <span>', 'how much time goes by', parseFor, DAY_MS)
    .option(
      '--from <time>',
      'when it begins, for traffic with dates; without it the day of the first',
      parseMoment,
    )
    .option('--seed <n>', 'where all chance comes from', parseSeed, SEED)
    .option('--models <file>', 'how receivers behave; without it they behave well')
    .addOption(
      new Option('--fit <dir>', 'receivers behave as this data directory has seen them').conflicts(
        'models',
      ),
    )
    .option('--json', 'print the report as JSON')
    .option('--html <file>', 'write the report as a page; - is standard output')
    .option('--quiet', 'no progress bar')
    .addHelpText(
      'after',
      () => HELP + exitCodeHelp('the policy cannot be simulated', INTERRUPT_HELP),
    )
    .action(run);

async function run(file: string, flags: Flags): Promise<void> {
  const { TrafficError } = await import('../testing/testing.ts');
  try {
    // Said before the simulation, not after it.
    if (flags.html !== undefined && flags.html !== '-') await proveWritable(flags.html);
    const end = await simulate(await compileFile(file), flags);
    if (end.kind === 'refused') return refuse(end.sentences, flags);
    await show(end.report, flags);
  } catch (error) {
    if (isPolicyError(error)) return refuse([error.message], flags);
    if (error instanceof OptionError) throw new CommandFailure(error.message);
    if (!(error instanceof TrafficError)) throw error;
    for (const problem of error.problems) remark(problem);
    process.exitCode = EXIT.failed;
  }
}

function refuse(reasons: readonly string[], { json }: Flags): void {
  if (json === true) print(JSON.stringify({ refusals: reasons }));
  const said = paint(process.stderr, 'red', 'the policy cannot be simulated:');
  for (const reason of reasons) remark(`${said} ${reason}`);
  process.exitCode = EXIT.wanting;
}

async function simulate(policy: LawFile, flags: Flags): Promise<DayEnd> {
  const { surveyTraffic } = await import('../testing/testing.ts');
  const { runDay } = await import('../manager/day-watch.ts');
  const { traffic, seed, for: forMs } = flags;
  const stopping = new AbortController();
  onInterrupt(() => stopping.abort());
  const { signal } = stopping;
  const receivers = await readReceivers(flags);
  const survey = await surveyTraffic(traffic, () => openTraffic(traffic), flags.from);
  if (survey.otherRecords > 0) {
    remark(`${traffic}: ${count(survey.otherRecords)} records tell of no reception; left out`);
  }
  const beganMs = performance.now();
  const bar = await startProgress(forMs / MINUTE_MS, flags.quiet !== true);
  const onProgress = (doneMs: number, submitted: number): void =>
    bar.show(doneMs / MINUTE_MS, `minutes, ${sayMessages(submitted)}`);
  const job = { policy, traffic, survey, receivers, seed, forMs };
  const end = await runDay(job, { onLoaded: warn, onProgress, signal }).finally(() => bar.stop());
  if (end.kind === 'refused') return end;
  const { report } = end;
  if (report.forMs < forMs) {
    const [done, whole] = [report.forMs, forMs].map(formatSpan);
    remark(`stopped after ${done} of ${whole} (seed ${seed}); the report is of that time`);
    process.exitCode = INTERRUPTED;
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const { submitted } = report.reception;
  if (flags.quiet !== true) remark(`${sayMessages(submitted)} in ${seconds.toFixed(1)} s`);
  return end;
}

const sayMessages = (many: number): string => `${count(many)} message${many === 1 ? '' : 's'}`;

function warn(warnings: readonly string[]): void {
  for (const text of warnings) remark(`${paint(process.stderr, 'yellow', 'warning:')} ${text}`);
}

async function readReceivers({ models, fit, quiet }: Flags): Promise<DayReceivers | undefined> {
  if (fit !== undefined) return fitReceivers(fit, quiet !== true);
  if (models === undefined) return undefined;
  const { readModels } = await import('../testing/testing.ts');
  return { name: models, models: readModels(await readModelsText(models), models) };
}

async function fitReceivers(data: string, isShown: boolean): Promise<DayReceivers> {
  const { fitLog } = await import('../testing/testing.ts');
  const { LogOpenError } = await import('../events/log-report.ts');
  const bar = await startProgress(FIT_STEPS, isShown);
  const shown = (done: number, total: number): void =>
    bar.show((FIT_STEPS * done) / Math.max(1, total), 'per mille of the log');
  try {
    const models = await fitLog(data, { shown });
    // Without attempts there is no model, and all receivers would silently behave well.
    if ((models.fit?.attempts ?? 0) > 0) return { name: `fitted from ${data}`, models };
    const fix = 'give a data directory that has sent mail, or --models';
    throw new CommandFailure(`${data}: its log tells of no attempt to fit; ${fix}.`);
  } catch (error) {
    if (error instanceof LogOpenError) throw new CommandFailure(`${error.message}.`);
    throw error;
  } finally {
    bar.stop();
  }
}

async function show(report: DayReport, { json, html }: Flags): Promise<void> {
  if (html !== undefined) {
    const { drawDayPage } = await import('./simulate-page.ts');
    const page = drawDayPage(report);
    if (html === '-') return print(page);
    await writeWhole(html, `${page}\n`);
    remark(`written: ${html}`);
  }
  if (json === true) return print(JSON.stringify(report));
  const { describeDay } = await import('./simulate-text.ts');
  print(describeDay(report));
}
