/**
 * `waybill sink`: the options, the help with its table of telling addresses, and what is printed.
 * Everything that happens on the wire is in sink-server.ts and below.
 */
import process from 'node:process';
import { Command, Option } from 'commander';
import type { Place } from './arguments.ts';
import {
  formatPlace,
  parseBytes,
  parseCount,
  parseDelay,
  parsePlace,
  parseSeed,
  parseShare,
} from './arguments.ts';
import type { Stage } from './sink-fates.ts';
import { NAMED_TRICKS, STAGES } from './sink-fates.ts';
import type { RunningSink, SinkOptions } from './sink-server.ts';
import { EXTENSIONS, startSink } from './sink-server.ts';
import type { Shown } from './sink-show.ts';
import { SHOWN, showCopies } from './sink-show.ts';
import type { SinkCounts } from './sink-world.ts';
import {
  CommandFailure,
  count,
  counted,
  EXIT,
  exitCodeHelp,
  explain,
  onInterrupt,
  paint,
  print,
  remark,
  startProgress,
} from './terminal.ts';

interface Flags {
  readonly listen: Place;
  readonly defer?: number;
  readonly deferAt: Stage;
  readonly refuse?: number;
  readonly refuseAt: Stage;
  readonly delay?: { readonly waitMs: number; readonly share: number };
  readonly drop?: number;
  readonly dropBefore?: number;
  readonly hang?: number;
  readonly hangAt: Stage;
  readonly seed: number;
  readonly record?: string;
  readonly show?: Shown;
  readonly dump?: string;
  readonly lmtp?: boolean;
  readonly pipelining: boolean;
  readonly '8bitmime': boolean;
  readonly smtputf8: boolean;
  readonly size: boolean;
  readonly sizeMax: number;
  readonly perConnection?: number;
  readonly count?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const SHOW_EVERY_MS = 250;
/** Shares are written in tenths and hundredths, whose sums are not exact. */
const SUM_SLACK = 1e-9;

const describeTricks = (): string =>
  [
    '',
    'Addresses that tell the sink what to do (tempfail+anything@ works like tempfail@):',
    ...NAMED_TRICKS.map(({ local, side, says }) => {
      const whose = side === 'sender' ? 'as sender: ' : '';
      return `  ${`${local}@`.padEnd(20)}${whose}${says}`;
    }),
    '',
    'The record has one JSON line for each accepted message (kind "copy"), for each message taken',
    'whose client heard no answer ("unanswered") and for each refused recipient ("refused").',
    'sha256 covers the bytes after the header, so that headers added on the way do not change it.',
  ].join('\n');

const EXAMPLES = `
Examples:
  $ waybill sink --listen 127.0.0.1:2526
  $ waybill sink --defer 10% --drop 1% --delay 50ms:20% --seed 7 --record copies.jsonl
  $ waybill sink --show headers --dump letters
  $ waybill sink --listen unix:lmtp.sock --lmtp --count 1000 --json`;

const stageOption = (flags: string, says: string, fallback: Stage): Option =>
  new Option(flags, says).choices([...STAGES]).default(fallback);

/** The `sink` command. */
export const build = (): Command =>
  new Command('sink')
    .description('An SMTP server that takes mail, throws it away and misbehaves as told.')
    .addOption(
      new Option('--listen <place>', 'HOST:PORT or unix:PATH (port 0: any)')
        .argParser(parsePlace)
        .default({ host: '127.0.0.1', port: 2526 }, '127.0.0.1:2526'),
    )
    .option('--defer <share>', 'answer this share with 451', parseShare)
    .addOption(stageOption('--defer-at <stage>', 'where to defer', 'rcpt'))
    .option('--refuse <share>', 'answer this share with 550', parseShare)
    .addOption(stageOption('--refuse-at <stage>', 'where to refuse', 'rcpt'))
    .option('--delay <time[:share]>', 'hold the answer to the final dot back', parseDelay)
    .option('--drop <share>', 'close after the final dot without an answer', parseShare)
    .option('--drop-before <share>', 'close within the body', parseShare)
    .option('--hang <share>', 'never answer', parseShare)
    .addOption(stageOption('--hang-at <stage>', 'what is never answered', 'dot'))
    .option('--seed <number>', 'same seed, same fates in the same order', parseSeed, 1)
    .option('--record <file>', 'append a JSON line for each message to this file')
    .addOption(new Option('--show <part>', 'print each message: its headers or all').choices(SHOWN))
    .option('--dump <dir>', 'write each message to a file of this folder: 000001.eml and so on')
    .option('--lmtp', 'speak LMTP: one answer for each recipient')
    .option('--no-pipelining', 'do not offer PIPELINING')
    .option('--no-8bitmime', 'do not offer 8BITMIME')
    .option('--no-smtputf8', 'do not offer SMTPUTF8')
    .option('--no-size', 'do not offer SIZE')
    .option('--size-max <size>', 'largest message taken', parseBytes, 64 * 1024 * 1024)
    .option('--per-connection <n>', 'answer 421 after n messages on a connection', parseCount)
    .option('--count <n>', 'stop after n accepted messages', parseCount)
    .option('--quiet', 'print nothing but errors')
    .option('--json', 'print where it listens and the final counts as JSON lines')
    .addHelpText('after', () => describeTricks() + EXAMPLES + exitCodeHelp())
    .action((flags: Flags) => run(flags));

/** Fates of one stage share one throw of the dice: together they cannot be more than all. */
const refuseTooMuch = (flags: Flags): void => {
  const sums = new Map<Stage, number>();
  const add = (stage: Stage, share = 0): unknown => sums.set(stage, (sums.get(stage) ?? 0) + share);
  add('dot', flags.drop);
  add('data', flags.dropBefore);
  add(flags.hangAt, flags.hang);
  add(flags.deferAt, flags.defer);
  add(flags.refuseAt, flags.refuse);
  for (const [stage, sum] of sums) {
    if (sum <= 1 + SUM_SLACK) continue;
    const percent = Math.round(sum * 100);
    const what = `the shares that strike at ${stage} make ${percent} %`;
    throw new CommandFailure(`${what}; together they may be 100 % at most`, EXIT.usage);
  }
};

const refuseMixedLines = ({ show, json }: Flags): void => {
  if (show === undefined || json !== true) return;
  throw new CommandFailure('--show and --json print to one place; use --dump.', EXIT.usage);
};

const readOptions = (flags: Flags): SinkOptions => ({
  listen: flags.listen,
  seed: flags.seed,
  isLmtp: flags.lmtp === true,
  without: EXTENSIONS.filter((extension) => !flags[extension]),
  sizeMax: flags.sizeMax,
  deferAt: flags.deferAt,
  refuseAt: flags.refuseAt,
  hangAt: flags.hangAt,
  defer: flags.defer ?? 0,
  refuse: flags.refuse ?? 0,
  drop: flags.drop ?? 0,
  dropBefore: flags.dropBefore ?? 0,
  hang: flags.hang ?? 0,
  delayMs: flags.delay?.waitMs ?? 0,
  delayShare: flags.delay?.share ?? 0,
  perConnection: flags.perConnection ?? 0,
  ...(flags.record === undefined ? {} : { recordFile: flags.record }),
  ...(flags.count === undefined ? {} : { count: flags.count }),
});

const run = async (flags: Flags): Promise<void> => {
  refuseTooMuch(flags);
  refuseMixedLines(flags);
  let fail = (_: Error): void => undefined;
  const recordFailed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const onCopy = showCopies(flags, (failure) => fail(failure));
  const options = {
    ...readOptions(flags),
    onRecordFailed: (error: Error) => fail(error),
    ...(onCopy === undefined ? {} : { onCopy }),
  };
  const sink = await startSink(options).catch((error: unknown) => {
    const what = flags.record === undefined ? '' : ` (recording to ${flags.record})`;
    const where = formatPlace(flags.listen);
    throw new CommandFailure(`cannot run a sink on ${where}${what}: ${explain(error)}.`);
  });
  const interrupted = new Promise<void>((resolve) => onInterrupt(resolve));
  announce(sink, flags);
  const ended = Promise.race([sink.done, interrupted, recordFailed]);
  const failure = await watch(sink, flags, ended);
  if (failure instanceof CommandFailure) throw failure;
  if (failure instanceof Error) {
    throw new CommandFailure(`cannot write ${flags.record}: ${explain(failure)}.`);
  }
  await sink.stop();
  if (flags.json) print(JSON.stringify({ ...sink.counts() }));
  else if (!flags.quiet) print(describeCounts(sink.counts()));
  // The listeners for signals would not hold the process; a late answer on a socket might.
  if (process.exitCode === undefined) process.exitCode = 0;
};

const announce = (sink: RunningSink, flags: Flags): void => {
  const place = sink.port === 0 ? { path: sink.address } : { host: sink.address, port: sink.port };
  if (flags.json) print(JSON.stringify({ listening: formatPlace(place) }));
  else if (!flags.quiet)
    remark(`Listening on ${paint(process.stderr, 'bold', formatPlace(place))}`);
};

/** Shows how it goes until it ends; answers with what ended it. */
const watch = async <T>(sink: RunningSink, flags: Flags, ended: Promise<T>): Promise<T> => {
  if (flags.count === undefined) return ended;
  const progress = await startProgress(flags.count, !flags.quiet && !flags.json);
  const timer = setInterval(() => {
    const { messages, connectionsOpen } = sink.counts();
    progress.show(messages, counted(connectionsOpen, 'connection'));
  }, SHOW_EVERY_MS);
  const ending = await ended;
  clearInterval(timer);
  progress.stop();
  return ending;
};

const describeCounts = (counts: Readonly<SinkCounts>): string => {
  const messages = counted(counts.messages, 'message');
  const recipients = counted(counts.recipients, 'recipient');
  const connections = counted(counts.connections, 'connection');
  return [
    `accepted   ${messages} for ${recipients},`,
    `${(counts.bytes / 1_048_576).toFixed(1)} MB, over ${connections}\n`,
    `deferred   ${count(counts.deferred)}\nrefused    ${count(counts.refused)}\n`,
    `dropped    ${count(counts.dropped)}\nhung       ${count(counts.hung)}\n`,
    `delayed    ${count(counts.delayed)}\nobjected   ${count(counts.protocolErrors)} commands`,
  ]
    .join(' ')
    .replaceAll('\n ', '\n');
};
