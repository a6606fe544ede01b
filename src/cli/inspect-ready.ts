/**
 * `waybill inspect-ready-q` and `resolve-egress-path`: a ready queue with its bounds and
 * connections, and the way mail of a domain would go. Knows no engine.
 */
import { Command, Option } from 'commander';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import type { ReadyQueue, Way } from './ready-text.ts';
import {
  describeCeilings,
  describeConfig,
  describeHead,
  describeMx,
  describeReady,
  describeSessions,
} from './ready-text.ts';
import { answer } from './table.ts';

interface Flags extends EndpointFlags {
  readonly connections?: boolean;
  readonly config?: boolean;
  readonly schedQ?: boolean;
}

const READY_HELP = `
The name is that of queue-summary: SOURCE->SITE@smtp_client. A connection is marked STALL? when it
has been in its phase for three quarters of the watchdog's time, and STUCK after all of it.

Examples:
  $ waybill inspect-ready-q 'ip-1->mx.example.com@smtp_client' --connections
  $ waybill inspect-ready-q 'ip-1->mx.example.com@smtp_client' --json | jq .dispatchers
`;

/** The `inspect-ready-q` command. */
export const build = (): Command =>
  withEndpoint(new Command('inspect-ready-q'))
    .description('Shows a ready queue: where it goes, what bounds it, what holds it, connections.')
    .argument('<queue>', 'name of the ready queue')
    .option('--connections', 'with its connections, oldest first')
    .option('--config', 'with the options of its path')
    .option('--sched-q', 'with the scheduled queues that have messages in it')
    .addHelpText('after', () => READY_HELP + endpointHelp())
    .action(showReady);

const showReady = async (name: string, flags: Flags): Promise<void> => {
  const wantsQueues = flags.schedQ === true || flags.json === true;
  const query = { queue_name: name, include_scheduled_queues: wantsQueues };
  const ready = await openClient(flags).get<ReadyQueue>('/api/admin/inspect-ready-q/v1', query);
  answer(flags.json, ready, () =>
    [
      ...describeReady(ready),
      ...describeCeilings(ready.constraints),
      ...(flags.config === true ? ['config:', ...describeConfig(ready.path_config)] : []),
      ...(flags.schedQ === true
        ? ['scheduled queues:', ...(ready.scheduled_queue_names ?? []).map((one) => `  ${one}`)]
        : []),
      `connections: ${ready.state.connection_count}`,
      ...(flags.connections === true ? describeSessions(ready) : []),
    ].join('\n'),
  );
};

interface PathFlags extends EndpointFlags {
  readonly config?: boolean;
  readonly constraints?: boolean;
}

const PATH_HELP = `
It asks the policy and DNS, and changes nothing.

Examples:
  $ waybill resolve-egress-path example.com
  $ waybill resolve-egress-path spring:acme@example.com ip-1 --constraints
`;

/** The `resolve-egress-path` command. */
export const buildPath = (): Command =>
  withEndpoint(new Command('resolve-egress-path'))
    .description('Shows where mail of a domain would go, and under which options and bounds.')
    .argument('<domain>', 'a domain, or the name of a scheduled queue')
    .argument('[source]', 'an egress source (default: unspecified)')
    .addOption(new Option('--config', 'only the options').conflicts(['constraints', 'json']))
    .addOption(new Option('--constraints', 'only the bounds').conflicts('json'))
    .addHelpText('after', () => PATH_HELP + endpointHelp())
    .action(showPath);

const showPath = async (
  domain: string,
  source: string | undefined,
  flags: PathFlags,
): Promise<void> => {
  const client = openClient(flags);
  const way = await client.get<Way>('/api/admin/resolve-egress-path/v1', { domain, source });
  answer(flags.json, way, () => describeWay(way, flags).join('\n'));
};

const describeWay = (way: Way, flags: PathFlags): string[] => {
  const config = [
    'queue config:',
    ...describeConfig(way.queue_config),
    'path config:',
    ...describeConfig(way.path_config),
  ];
  const ceilings: readonly string[] = describeCeilings(way.constraints);
  if (flags.config === true) return config;
  if (flags.constraints === true) return [...ceilings];
  const mx = way.mx === null ? ['mx: the name has no answer'] : describeMx(way.mx);
  return [...describeHead(way), ...mx, ...config, ...ceilings];
};
