/**
 * `waybill erase`: takes the personal data of recipients out of a data directory, through the
 * daemon where one runs on it, else by itself. Shows what was done and what was left.
 */
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import process from 'node:process';
import { Command } from 'commander';
import { Addresses, AddressRefused } from '../erasing/addresses.ts';
import type { ErasureReport } from '../erasing/erase.ts';
import type { ErasureOrder } from '../erasing/pending.ts';
import { readPending } from '../erasing/pending.ts';
import { askManager, NoManager } from '../manager/control-client.ts';
import { runErasure } from '../manager/erase-step.ts';
import { collect } from './arguments.ts';
import { DATA_OPTION } from './policy-store-reading.ts';
import { answer } from './table.ts';
import { CommandFailure, counted, EXIT, exitCodeHelp, explain, remark } from './terminal.ts';

/** A daemon stops its worker for this in good order, and a large log takes its time, ms. */
const ANSWER_MS_MAX = 6 * 3_600_000;

interface Flags {
  readonly data: string;
  readonly recipient?: readonly string[];
  readonly reason?: string;
  readonly by?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

const HELP = `
The addresses, and what others wrote about them, go from every record of the log, from bodies of
ended messages, snapshots, the index of journeys and dead letters; numbers, times, queues and
domains stay, so the ledger balances as before and waybill verify proves every record that was
rewritten. Mail to or from an address that is still on its way refuses the order. A running daemon
stops its worker meanwhile and starts it again: senders try again. An order that was cut short is
finished with --resume. Log files, hooks' receivers and bundles are outside: docs/privacy.md.

Examples:
  $ waybill erase --data /var/spool/waybill --recipient ann@example.com --reason "request 4711"
  $ waybill erase --data /var/spool/waybill --resume`;

/** The `erase` command. */
export const build = (): Command =>
  new Command('erase')
    .description('Erases the personal data of recipients from the log and all that repeats it.')
    .option('--recipient <address>', 'whom to erase (may be repeated, up to 100)', collect)
    .option('--reason <text>', 'why; on record')
    .option('--by <name>', 'who wants it; on record (default: the name of the user)')
    .option('--resume', 'finish the order that was cut short')
    .option(...DATA_OPTION)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp('refused, or an address is left somewhere'))
    .action(run);

const run = async (flags: Flags): Promise<void> => {
  const order = flags.resume === true ? pendingOf(flags) : orderOf(flags);
  const report = await carryOut(flags.data, order);
  answer(flags.json, report, () => describe(report));
  if (report.left.length > 0) process.exitCode = EXIT.wanting;
};

const pendingOf = ({ data, recipient }: Flags): ErasureOrder => {
  if (recipient !== undefined) {
    throw new CommandFailure('--resume takes no --recipient: the order knows it.', EXIT.usage);
  }
  const order = readPending(data);
  if (order === undefined) throw new CommandFailure(`No erasure was cut short in ${data}.`);
  return order;
};

const orderOf = ({ recipient = [], reason, by = userInfo().username }: Flags): ErasureOrder => {
  if (recipient.length === 0) throw new CommandFailure('whom? Give --recipient.', EXIT.usage);
  if (reason === undefined) throw new CommandFailure('why? Give --reason.', EXIT.usage);
  const id = randomUUID();
  try {
    return { id, addresses: new Addresses(recipient, id).list, by, cause: reason };
  } catch (error) {
    if (error instanceof AddressRefused) throw new CommandFailure(`${error.message}.`, EXIT.usage);
    throw error;
  }
};

const carryOut = async (dir: string, order: ErasureOrder): Promise<ErasureReport> => {
  try {
    const question = { do: 'erase', erasure: order } as const;
    const { report } = await askManager(dir, question, ANSWER_MS_MAX);
    return report as ErasureReport;
  } catch (error) {
    if (!(error instanceof NoManager)) throw new CommandFailure(explain(error), EXIT.wanting);
  }
  const verdict = await runErasure({ dir, order }, remark);
  if (verdict.kind === 'erased') return verdict.report;
  const code = verdict.kind === 'refused' ? EXIT.wanting : EXIT.failed;
  throw new CommandFailure(verdict.sentence, code);
};

const describe = (report: ErasureReport): string => {
  const { order, records, segments, bodyBytes, deadLetters, left, leftRecords } = report;
  const lines = [
    `erased by order ${order}: ${counted(records, 'record')} in ${counted(segments, 'segment')}, ` +
      `${counted(bodyBytes, 'byte')} of ended bodies, ${counted(deadLetters, 'dead letter')}`,
  ];
  if (leftRecords > 0) {
    lines.push(`left in ${counted(leftRecords, 'record')} of policy, queues or operators' rules`);
  }
  for (const name of left) lines.push(`left in ${name}`);
  if (left.some((name) => name.startsWith('bodies/'))) {
    lines.push('bodies of living mail name it: give the order again when that mail has ended');
  }
  return lines.join('\n');
};
