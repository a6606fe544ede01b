/**
 * `waybill replay`: asks a policy what the log says that the policy of then was asked, and lists
 * every decision that would differ. Collecting is in forensics/replay-decisions.ts, comparing in
 * replay-compare.ts, policies in replay-policy.ts.
 */
import process from 'node:process';
import { Command } from 'commander';
import { decodeBooks } from '../domain/snapshot.ts';
import { decode } from '../events/codec.ts';
import { LogOpenError } from '../events/log-report.ts';
import { findSnapshots, readSnapshot } from '../events/log-snapshots.ts';
import { toRecord } from '../events/log-walk.ts';
import { asStoreError, PolicyStoreError } from '../events/policy-schema.ts';
import type { Collected, Span } from '../forensics/replay-decisions.ts';
import { DECIDING, DecisionCollector } from '../forensics/replay-decisions.ts';
import { readLog } from '../forensics/replay-walk.ts';
import { parseCount } from './arguments.ts';
import { demandOrder, parsePast, TIMES_HELP } from './past-time.ts';
import { describeChange } from './policy-compare.ts';
import { DATA_OPTION } from './policy-store-reading.ts';
import type { ReplayReport } from './replay-compare.ts';
import { KINDS, replayDecisions } from './replay-compare.ts';
import { findCandidate, PolicyNotAsked } from './replay-policy.ts';
import { CommandFailure, count, EXIT, exitCodeHelp, paint, print, remark } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly policy: string;
  readonly from?: number;
  readonly to?: number;
  readonly list: number;
  readonly json?: boolean;
}

const HELP = `
POLICY is a policy file, the number of a version in the store, or "active": each
decision is then asked of the version that was in force when it was made, and
nothing should differ.

Asked again is what the log records with its question: get_queue_config,
get_egress_pool, get_egress_source, get_egress_path_config. Handlers whose
questions are not on record are named with how often they may have been asked.
${TIMES_HELP}

Examples:
  $ waybill replay --policy policy.ts --from 2026-01-02T00:00:00Z --to 2026-01-03T00:00:00Z
  $ waybill replay --policy active --data /var/spool/waybill --json`;

/** The `replay` command. */
export const build = (): Command =>
  new Command('replay')
    .description(
      'Asks a policy the questions of the past and lists what it would answer otherwise.',
    )
    .requiredOption('--policy <policy>', 'a policy file, the number of a version, or active')
    .option(...DATA_OPTION)
    .option('--from <time>', 'first moment; the beginning of the log without it', parsePast)
    .option('--to <time>', 'last moment; the end of the log without it', parsePast)
    .option('--list <n>', 'how many groups, names and samples to print', parseCount, 10)
    .option('--json', 'print the whole result as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp('some decision would differ'))
    .action((flags: Flags) => run(flags));

const run = async (flags: Flags): Promise<void> => {
  demandOrder(flags.from, flags.to);
  const span = { from: flags.from ?? 0, upto: flags.to ?? Number.MAX_SAFE_INTEGER };
  try {
    const candidate = await findCandidate(flags.policy, flags.data);
    try {
      const { collected, damage } = collect(flags.data, span);
      const report = await replayDecisions(collected, candidate.ask, candidate.oneFor);
      const about = { policy: candidate.title, from: flags.from, to: flags.to, damage };
      const whole = { ...about, ...report };
      print(flags.json ? JSON.stringify(whole) : describe(candidate.title, report, flags.list));
      for (const sentence of damage.slice(0, flags.list)) remark(`damage: ${sentence}`);
      if (report.different > 0) process.exitCode = EXIT.wanting;
    } finally {
      await candidate.done();
    }
  } catch (thrown) {
    const error = asStoreError(`${flags.data}/policy/policy.db`, thrown);
    const isOurs = [LogOpenError, PolicyStoreError, PolicyNotAsked].some(
      (kind) => error instanceof kind,
    );
    if (isOurs) throw new CommandFailure(`${(error as Error).message}.`);
    throw error;
  }
};

/** Answers from before the first record that is kept; the pictures of the books have them. */
const textsOfSnapshots = (dir: string): Map<string, string> => {
  const texts = new Map<string, string>();
  for (const position of findSnapshots(dir)) {
    const snapshot = readSnapshot(dir, position);
    const books = typeof snapshot === 'string' ? undefined : decodeBooks(snapshot.bytes);
    for (const [key, text] of books?.answers ?? []) texts.set(key, text);
  }
  return texts;
};

const collect = (dir: string, span: Span): { collected: Collected; damage: string[] } => {
  const log = readLog(dir);
  const texts = log.first > 1 ? textsOfSnapshots(dir) : new Map<string, string>();
  const collector = new DecisionCollector(span, 0, texts);
  for (const rows of log.rows()) {
    for (const row of rows) {
      if (!DECIDING.has(row[4])) continue;
      const [position, , at, , , version] = row;
      collector.take(decode(toRecord(row), true), { position, at, version });
    }
    if ((rows.at(-1)?.[2] ?? 0) > span.upto) break;
  }
  const damage = log.damage.map(({ sentence }) => sentence);
  return { collected: collector.collected(), damage };
};

const nameSome = (names: readonly string[], listed: number): string => {
  const more = names.length > listed ? ` and ${count(names.length - listed)} more` : '';
  return `${names.slice(0, listed).join(', ')}${more}`;
};

const describe = (title: string, report: ReplayReport, listed: number): string => {
  const { asked, same, different, kinds, groups, samples, unrecorded, faults } = report;
  const lines = [
    `${title}: ${count(asked)} recorded decisions, ${count(same)} the same, ` +
      `${count(different)} different`,
  ];
  for (const kind of KINDS) {
    const tally = kinds[kind];
    if (tally.asked === 0) continue;
    lines.push(`${kind.padEnd(8)}${count(tally.asked)} asked, ${count(tally.different)} different`);
  }
  for (const { what, handler, names, changes, messages } of groups.slice(0, listed)) {
    lines.push('', `${handler}: ${what} ${nameSome(names, listed)}; ${count(messages)} attempts`);
    for (const change of changes) {
      const origins = change.origins.length === 0 ? '' : `  (${change.origins.join('; ')})`;
      lines.push(`  ${describeChange(change)}${origins}`);
    }
  }
  if (groups.length > listed) lines.push(`(and ${count(groups.length - listed)} more groups)`);
  if (samples.length > 0) lines.push('');
  for (const { kind, name, position, at, version } of samples.slice(0, listed)) {
    const when = new Date(at).toISOString();
    lines.push(`position ${position}, ${when}: ${kind} ${name}, under version ${version}`);
  }
  for (const { what, count: number, why } of unrecorded) {
    lines.push(`not recorded: ${count(number)} of ${what}: ${why}`);
  }
  for (const fault of faults.slice(0, listed)) lines.push(`fault: ${fault}`);
  lines.push(
    different === 0
      ? paint(process.stdout, 'green', 'every recorded decision would be the same')
      : paint(process.stdout, 'yellow', 'some decisions would be others'),
  );
  return lines.join('\n');
};
