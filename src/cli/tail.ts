/**
 * `waybill tail DIR`: prints the records of log files as JSON lines, follows them, and remembers in
 * a checkpoint what was printed. The one idea: a batch is committed when standard output took it,
 * so what a pipe behind it lost with us comes again.
 * Deliberately unknown here: how files are read (projections/log-files), the daemon.
 */
import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';
import { createTimers } from '../ports/node/timers.ts';
import type { LogBatch } from '../projections/log-files/tailer.ts';
import { LogTailer } from '../projections/log-files/tailer.ts';
import { RECORD_TYPES } from '../projections/log-record/record.ts';
import { parseSpanMs } from './arguments.ts';
import { CommandFailure, exitCodeHelp, explain, onInterrupt, remark } from './terminal.ts';

interface Flags {
  readonly pattern: string;
  readonly checkpoint: string;
  readonly batchSize: number;
  readonly batchLatency: number;
  readonly tail?: boolean;
  readonly follow: boolean;
  readonly type?: readonly string[];
  readonly where?: readonly Condition[];
}

/** A field of a record, `response.code` for one inside, and the text of its value. */
interface Condition {
  readonly path: readonly string[];
  readonly value: string;
}

const HELP = `
Records are printed as they lie in the files, oldest first. What was printed is noted in DIR/.NAME
(see --checkpoint); the next run goes on there. Several kinds of files in one directory are best
read by one \`waybill tail\` each, with a --pattern and a --checkpoint of its own.

Examples:
  $ waybill tail /var/log/waybill
  $ waybill tail /var/log/waybill --tail --type Bounce --where queue=example.com
  $ waybill tail /var/log/waybill --no-follow | jq -r .recipient`;

/** The `tail` command. */
export const build = (): Command =>
  new Command('tail')
    .description('Follows log files and prints their records, with a checkpoint.')
    .argument('<dir>', 'log_dir of a logger')
    .option('--pattern <glob>', 'which files below the directory', '*')
    .option('--checkpoint <name>', 'where to note how far it came', 'tailer-checkpoint')
    .option('--batch-size <n>', 'records between checkpoints', parseCount, 1000)
    .option('--batch-latency <span>', 'longest time between checkpoints', parseSpanMs, 1000)
    .option('--tail', 'begin with the newest file; no checkpoint is read or written')
    .option('--no-follow', 'end when everything there is was printed')
    .option('--type <types>', 'only records of these types, with commas between', parseTypes)
    .option('--where <field=value>', 'only records whose field is this; repeatable', addCondition)
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action(run);

function parseCount(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) {
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  }
  return value;
}

function parseTypes(text: string): readonly string[] {
  const types = text.split(',').map((type) => type.trim());
  const unknown = types.find((type) => !RECORD_TYPES.some((known) => known === type));
  if (unknown === undefined) return types;
  throw new InvalidArgumentError(`${unknown} is none of ${RECORD_TYPES.join(', ')}.`);
}

function addCondition(text: string, before: readonly Condition[] = []): readonly Condition[] {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('Expected a field, = and a value.');
  return [...before, { path: text.slice(0, at).split('.'), value: text.slice(at + 1) }];
}

const findField = (record: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Readonly<Record<string, unknown>>)[name]
        : undefined,
    record,
  );

const holds = (record: unknown, { path, value }: Condition): boolean => {
  const found = findField(record, path);
  const values = Array.isArray(found) ? found : [found];
  return values.some((one) => (typeof one === 'string' ? one : JSON.stringify(one)) === value);
};

/** True for a record that is to be printed. */
export const isWanted = (
  record: unknown,
  { type, where = [] }: Pick<Flags, 'type' | 'where'>,
): boolean =>
  (type === undefined || type.includes(String(findField(record, ['type'])))) &&
  where.every((condition) => holds(record, condition));

async function run(directory: string, flags: Flags): Promise<void> {
  const tailer = new LogTailer({
    directory,
    pattern: flags.pattern,
    batchSize: flags.batchSize,
    batchLatencyMs: flags.batchLatency,
    checkpoint: flags.checkpoint,
    fromNewest: flags.tail === true,
    follow: flags.follow,
    filter: (record) => isWanted(record, flags),
    warn: remark,
    timers: createTimers(),
  });
  onInterrupt(() => tailer.close());
  // Whoever reads our output may have had enough, as `head` does: that is no failure.
  process.stdout.on('error', () => tailer.close());
  try {
    for await (const batch of tailer.batches()) await printBatch(batch);
  } catch (error) {
    throw new CommandFailure(`${directory}: ${explain(error)}`);
  }
}

async function printBatch(batch: LogBatch): Promise<void> {
  const { stdout } = process;
  const hasRoom = stdout.write(batch.lines.map((line) => `${line}\n`).join(''));
  if (!hasRoom) await untilRoom(stdout);
  if (!stdout.destroyed && stdout.errored === null) await batch.commit();
}

/** Until what was written is gone, or nobody reads any more; leaves no listener behind. */
function untilRoom(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('error', done);
      resolve();
    };
    stream.on('drain', done).on('error', done);
  });
}
