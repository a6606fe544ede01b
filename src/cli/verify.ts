/**
 * `waybill verify`: proves from the log alone that no accepted recipient was lost, and lists the
 * attempts of unknown outcome. Reading and counting are in verify-log.ts and projections/ledger.ts.
 */
import process from 'node:process';
import { Command } from 'commander';
import { parseSeed } from './arguments.ts';
import { count, EXIT, exitCodeHelp, paint, print, startProgress } from './terminal.ts';
import type { Verification } from './verify-log.ts';
import { isSound, verifyLog } from './verify-log.ts';

interface Flags {
  readonly json?: boolean;
  readonly list: number;
}

const HELP = `
It reads only, and may be used while the engine runs; attempts under way are then listed as unknown.

Example:
  $ waybill verify /var/spool/waybill --json | jq .recipients`;

/** The `verify` command. */
export const build = (): Command =>
  new Command('verify')
    .description(
      'Folds the log of a data directory and checks that every accepted recipient was delivered, ' +
        'bounced, expired or removed, or is still live.',
    )
    .argument('<data>', 'data directory of a worker')
    .option('--json', 'print the result as JSON, with all that is listed')
    .option('--list <n>', 'how many differences and unknown attempts to print', parseSeed, 20)
    .addHelpText('after', () => HELP + exitCodeHelp('a difference or damage was found'))
    .action((dataDir: string, flags: Flags) => run(dataDir, flags));

const run = async (dataDir: string, flags: Flags): Promise<void> => {
  const progress = await startProgress(1000, flags.json !== true);
  const found = verifyLog(dataDir, (records, total) =>
    progress.show(Math.round((1000 * records) / total), `${count(records)} records`),
  );
  progress.stop();
  print(flags.json ? JSON.stringify(found) : describe(found, flags.list));
  if (!isSound(found)) process.exitCode = EXIT.wanting;
};

const formatTime = (at: number): string => new Date(at).toISOString();

const describe = (found: Verification, listed: number): string => {
  const { recipients, attempts } = found;
  const lines = [
    `records     ${count(found.records)}, positions ${found.first} to ${found.last}`,
    `messages    ${count(found.messages.accepted)} accepted, ${count(found.messages.live)} live`,
    `attempts    ${count(attempts.offered)} offered, ${count(attempts.deferred)} deferred, ` +
      `${count(attempts.unknown)} of unknown outcome`,
    `recipients  ${count(recipients.accepted)} accepted = ` +
      `${count(recipients.delivered)} delivered + ${count(recipients.bounced)} bounced + ` +
      `${count(recipients.expired)} expired + ${count(recipients.removed)} removed + ` +
      `${count(recipients.live)} live`,
  ];
  if (found.endedFromBefore > 0) {
    lines.push(
      `            ${count(found.endedFromBefore)} ends of messages from released records`,
    );
  }
  for (const one of listed === 0 ? [] : found.unknownListed.slice(-listed)) {
    const where = one.peer === '' ? '' : ` at ${one.peer}`;
    const which = `${one.message} attempt ${one.attempt}${where}`;
    lines.push(`unknown     ${which}, ${formatTime(one.at)}: ${one.cause}`);
  }
  for (const one of found.differencesListed.slice(0, listed)) {
    lines.push(`difference  position ${one.position}: ${one.stream} ${one.sentence}`);
  }
  for (const one of found.damage.slice(0, listed)) lines.push(`damage      ${one.sentence}`);
  lines.push(judge(found));
  return lines.join('\n');
};

const judge = (found: Verification): string =>
  isSound(found)
    ? paint(process.stdout, 'green', 'sound: no recipient is unaccounted for')
    : paint(
        process.stdout,
        'red',
        `NOT sound: ${count(found.differences)} differences, imbalance ${found.imbalance}, ` +
          `${count(found.damage.length)} kinds of damage`,
      );
