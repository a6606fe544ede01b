/**
 * `waybill traffic`: the options, the help, and how the report is printed. What goes over the wire
 * is in traffic-lane.ts, what is counted in traffic-run.ts.
 */
import process from 'node:process';
import { Command, Option } from 'commander';
import type { Place, Weighted } from './arguments.ts';
import {
  collect,
  formatPlace,
  parseBytes,
  parseCount,
  parsePlace,
  parseRate,
  parseSeed,
  parseSizes,
  parseSpanMs,
  parseWeights,
} from './arguments.ts';
import { zipf } from './picker.ts';
import {
  CommandFailure,
  count,
  EXIT,
  exitCodeHelp,
  explain,
  onInterrupt,
  print,
  startProgress,
} from './terminal.ts';
import type { TrafficOptions } from './traffic-desk.ts';
import type { TrafficReport } from './traffic-report.ts';
import { describeReport } from './traffic-report.ts';
import { startTraffic } from './traffic-run.ts';

interface Flags {
  readonly to: Place;
  readonly messages?: number;
  readonly duration?: number;
  readonly rate?: number;
  readonly concurrency: number;
  readonly size?: number;
  readonly sizes?: readonly Weighted<number>[];
  readonly domains?: readonly Weighted<string>[];
  readonly domainCount?: number;
  readonly locals?: readonly Weighted<string>[];
  readonly perConnection?: number;
  readonly recipients: number;
  readonly from: string;
  readonly header?: readonly string[];
  readonly seed: number;
  readonly run?: string;
  readonly record?: string;
  readonly recordSync: boolean;
  readonly replyTimeout: number;
  readonly giveUp: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const HELP = `
Without --rate the loop is closed: each connection sends as fast as it is answered. With --rate it
is open: messages are due at their times, and latency counts from then.

The record has one JSON line {id, to, code, at, sha256} for each answer to a message and for each
refusal of recipients; code 0 means sent completely and never answered. A 2xx line is on the disk
before the next message goes over that connection, unless --no-record-sync is given.
id is also the header X-Waybill-Traffic; sha256 covers the bytes after the header.

Examples:
  $ waybill traffic --to 127.0.0.1:2025 --messages 20000
  $ waybill traffic --to :2025 --duration 30s --rate 500/s --domain-count 500
  $ waybill traffic --to :2025 --sizes 10k:80,100k:20 --locals user:95,tempfail:5 --json`;

/** The `traffic` command. */
export const build = (): Command =>
  new Command('traffic')
    .description('Sends generated mail to an SMTP server, measures, and stops by itself.')
    .requiredOption('--to <place>', 'HOST:PORT or unix:PATH', parsePlace)
    .option('--messages <n>', 'stop after n messages (default: 1000)', parseCount)
    .option('--duration <time>', 'stop after this time', parseSpanMs)
    .option('--rate <n/s>', 'messages that become due in a second', parseRate)
    .option('--concurrency <n>', 'connections', parseCount, 50)
    .addOption(
      new Option('--size <size>', 'size of a message, about (default: 10k)')
        .argParser(parseBytes)
        .conflicts('sizes'),
    )
    .option('--sizes <size:weight,...>', 'several sizes', parseSizes)
    .addOption(
      new Option('--domains <name:weight,...>', 'recipient domains (default: sink.test)')
        .argParser(parseWeights)
        .conflicts('domainCount'),
    )
    .option('--domain-count <n>', 'd1.test to dn.test, spread as 1/rank', parseCount)
    .option('--locals <name:weight,...>', 'local parts of recipients', parseWeights)
    .option('--per-connection <n>', 'messages on one connection', parseCount)
    .option('--recipients <n>', 'recipients of each message', parseCount, 1)
    .option('--from <address>', 'sender', 'traffic@waybill.test')
    .option('--header <line>', 'a header line to add (may be repeated)', collect)
    .option('--seed <number>', 'same seed, same messages in the same order', parseSeed, 1)
    .option('--run <name>', 'prefix of the message ids (default: from the time)')
    .option('--record <file>', 'append what was answered to this file')
    .option('--no-record-sync', 'do not wait for the disk')
    .option('--reply-timeout <time>', 'longest wait for an answer', parseSpanMs, 60_000)
    .option('--give-up <time>', 'stop after so long without a connection', parseSpanMs, 30_000)
    .option('--quiet', 'no progress bar')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp('a message was refused or not answered'))
    .action((flags: Flags) => run(flags));

/** Keys whose value is undefined are left out, as exactOptionalPropertyTypes asks. */
const readOptions = (flags: Flags): TrafficOptions => {
  const sizes = flags.size === undefined ? flags.sizes : [{ value: flags.size, weight: 1 }];
  const domains =
    flags.domainCount === undefined
      ? flags.domains
      : zipf(flags.domainCount, (rank) => `d${rank}.test`);
  return {
    to: flags.to,
    concurrency: flags.concurrency,
    recipients: flags.recipients,
    from: flags.from,
    seed: flags.seed,
    isRecordSynced: flags.recordSync,
    replyMsMax: flags.replyTimeout,
    giveUpMs: flags.giveUp,
    perConnection: flags.perConnection ?? 0,
    headers: flags.header ?? [],
    ...(flags.messages === undefined ? {} : { messages: flags.messages }),
    ...(flags.duration === undefined ? {} : { durationMs: flags.duration }),
    ...(flags.rate === undefined ? {} : { ratePerSecond: flags.rate }),
    ...(sizes === undefined ? {} : { sizes }),
    ...(domains === undefined ? {} : { domains }),
    ...(flags.locals === undefined ? {} : { locals: flags.locals }),
    ...(flags.run === undefined ? {} : { run: flags.run }),
    ...(flags.record === undefined ? {} : { recordFile: flags.record }),
  };
};

const run = async (flags: Flags): Promise<void> => {
  const startedAtMs = performance.now();
  const isTimed = flags.messages === undefined && flags.duration !== undefined;
  const total = isTimed ? (flags.duration as number) : (flags.messages ?? 1000);
  const progress = await startProgress(total, flags.quiet !== true);
  const onProgress = (report: TrafficReport): void =>
    progress.show(
      isTimed ? Math.round(performance.now() - startedAtMs) : report.messages,
      `${count(report.messagesPerSecond)}/s, p99 ${report.latencyMs.p99} ms`,
    );
  const report = await send({ ...readOptions(flags), onProgress }, flags.record);
  progress.stop();
  if (report.connections.opened === 0) {
    throw new CommandFailure(`no connection to ${formatPlace(flags.to)} could be opened.`);
  }
  print(flags.json ? JSON.stringify(report) : describeReport(report));
  if (report.accepted < report.messages) process.exitCode = EXIT.wanting;
};

const send = async (options: TrafficOptions, file: string | undefined): Promise<TrafficReport> => {
  try {
    const running = startTraffic(options);
    onInterrupt(() => running.stop());
    return await running.ended;
  } catch (error) {
    throw new CommandFailure(`cannot write ${file ?? 'the record'}: ${explain(error)}.`);
  }
};
