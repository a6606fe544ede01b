/**
 * `waybill status`: asks the manager of a data directory how it is, or a worker over HTTP, and
 * shows the answer. It says nothing that they did not say. Knows no mail.
 */
import { Command } from 'commander';
import type { DaemonStatus, WorkerStatus } from '../manager/status.ts';
import { openClient } from './client.ts';
import { askControl, findControlDir } from './control.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { formatSpan } from './span.ts';
import { describeFar, lookFar } from './status-far.ts';
import { answer } from './table.ts';
import { counted } from './terminal.ts';

const HELP = `
With a data directory it asks the manager, which knows of workers, restarts and refusals; with an
address it asks the worker, which knows what is in its queues.

Example:
  $ waybill status --data /var/spool/waybill --json | jq .workers
`;

/** The `status` command. */
export const build = (): Command =>
  withEndpoint(new Command('status'))
    .description('Shows what a running waybilld does: policy version, epoch, workers, listeners.')
    .addHelpText('after', () => HELP + endpointHelp())
    .action((flags: EndpointFlags) => run(flags));

const run = async (flags: EndpointFlags): Promise<void> => {
  const dir = findControlDir(flags);
  if (dir === undefined) {
    const far = await lookFar(openClient(flags));
    answer(flags.json, far, () => describeFar(far));
  } else {
    const near = await askControl(dir, { do: 'status' });
    answer(flags.json, near, () => describe(near as unknown as DaemonStatus));
  }
};

const formatTime = (at: number): string => new Date(at).toISOString();

const describeWorker = (worker: WorkerStatus): string[] => {
  const { pid, state, version, epoch, uptimeMs, restarts, lastCrash } = worker;
  const using = version === undefined ? '' : `, version ${version}, epoch ${epoch}`;
  const up = pid === undefined ? '' : `, up ${formatSpan(uptimeMs)}`;
  const lines = [
    `worker      pid ${pid ?? '-'}, ${state}${using}${up}, ${counted(restarts, 'restart')}`,
  ];
  if (lastCrash !== undefined) {
    lines.push(`            last crash ${formatTime(lastCrash.at)}: ${lastCrash.sentence}`);
  }
  return lines;
};

/** The answer for people. */
export const describe = (status: DaemonStatus): string => {
  const { policy, listeners, httpListeners, pid, version, uptimeMs } = status;
  const number = policy.version === undefined ? 'none yet' : `version ${policy.version}`;
  const activations = counted(policy.activations, 'activation');
  const lines = [
    `manager     pid ${pid}, waybilld ${version}, up ${formatSpan(uptimeMs)}`,
    `policy      ${policy.source}, ${number}, epoch ${policy.epoch}`,
    `            ${activations}, ${counted(policy.refusals, 'refusal')}`,
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
