/**
 * `waybill status`: asks the manager of a data directory how it is and shows the answer. It says
 * nothing that the manager did not say. Knows no mail.
 */
import { Command } from 'commander';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { askManager } from '../manager/control-client.ts';
import type { DaemonStatus, WorkerStatus } from '../manager/status.ts';
import { CommandFailure, exitCodeHelp, print } from './terminal.ts';

interface Flags {
  readonly data: string;
  readonly json?: boolean;
}

const HELP = `
It asks the running daemon over the control socket in its data directory.

Example:
  $ waybill status --data /var/spool/waybill --json | jq .workers`;

/** The `status` command. */
export const build = (): Command =>
  new Command('status')
    .description('Shows what a running waybilld does: policy version, epoch, workers, listeners.')
    .option('--data <dir>', 'data directory of the daemon', DATA_DEFAULT)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', () => HELP + exitCodeHelp())
    .action((flags: Flags) => run(flags));

const run = async ({ data, json }: Flags): Promise<void> => {
  const answer = await askManager(data, { do: 'status' }).catch((error: Error) => {
    throw new CommandFailure(error.message);
  });
  print(json === true ? JSON.stringify(answer) : describe(answer as unknown as DaemonStatus));
};

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** The two largest units of a span. */
export const formatSpan = (spanMs: number): string => {
  let rest = spanMs;
  const parts = UNITS.map(([unit, ms]) => {
    const whole = Math.floor(rest / ms);
    rest -= whole * ms;
    return { whole, text: `${whole} ${unit}` };
  });
  const first = parts.findIndex(({ whole }) => whole > 0);
  if (first < 0) return `${Math.round(spanMs)} ms`;
  return parts
    .slice(first, first + 2)
    .filter(({ whole }) => whole > 0)
    .map(({ text }) => text)
    .join(' ');
};

const formatTime = (at: number): string => new Date(at).toISOString();

const describeWorker = (worker: WorkerStatus): string[] => {
  const { pid, state, version, epoch, uptimeMs, restarts, lastCrash } = worker;
  const using = version === undefined ? '' : `, version ${version}, epoch ${epoch}`;
  const up = pid === undefined ? '' : `, up ${formatSpan(uptimeMs)}`;
  const lines = [`worker      pid ${pid ?? '-'}, ${state}${using}${up}, ${restarts} restarts`];
  if (lastCrash !== undefined) {
    lines.push(`            last crash ${formatTime(lastCrash.at)}: ${lastCrash.sentence}`);
  }
  return lines;
};

/** The answer for people. */
export const describe = (status: DaemonStatus): string => {
  const { policy, listeners, httpListeners, pid, version, uptimeMs } = status;
  const number = policy.version === undefined ? 'none yet' : `version ${policy.version}`;
  const lines = [
    `manager     pid ${pid}, waybilld ${version}, up ${formatSpan(uptimeMs)}`,
    `policy      ${policy.source}, ${number}, epoch ${policy.epoch}`,
    `            ${policy.activations} activations, ${policy.refusals} refusals`,
  ];
  if (policy.lastRefusal !== undefined) {
    const { at, sentence } = policy.lastRefusal;
    lines.push(`            last refusal ${formatTime(at)}: ${sentence}`);
  }
  for (const worker of status.workers) lines.push(...describeWorker(worker));
  for (const place of listeners) lines.push(`listener    smtp ${place}`);
  for (const place of httpListeners) lines.push(`listener    http ${place}`);
  return lines.join('\n');
};
