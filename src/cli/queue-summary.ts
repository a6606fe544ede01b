/**
 * `waybill queue-summary`: ready queues with what they delivered, put off, hold and do, and
 * scheduled queues with what waits in them, each with what stops it. The daemon is asked for the
 * greatest of each number only, so that a million queues cost neither side more memory.
 */
import { Command } from 'commander';
import type { Criteria } from '../domain/admin-rules.ts';
import { criteriaOf, isMeant } from '../domain/admin-rules.ts';
import { parseQueueName } from '../domain/queue-name.ts';
import { parseCount } from './arguments.ts';
import type { DaemonClient } from './client.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { describeOthers, readRows } from './metric-rows.ts';
import { askStates } from './ready-states.ts';
import { answer, byName, formatTable } from './table.ts';
import { remark } from './terminal.ts';

interface Flags extends EndpointFlags {
  readonly limit?: number;
  readonly byVolume?: boolean;
  readonly domain?: string;
}

interface Rule {
  readonly reason: string;
  readonly name?: string;
}

/** A ready queue in the summary; the columns are the reference's. */
interface ReadyRow {
  readonly name: string;
  readonly site: string;
  readonly source: string;
  readonly protocol: string;
  readonly delivered: number;
  readonly transfailed: number;
  readonly connections: number;
  readonly queued: number;
  status: string;
}

interface QueueRow {
  readonly name: string;
  readonly count: number;
  readonly status: string;
}

const HELP = `
Ready queues: D delivered, T put off, C connections, Q messages in it; D and T count from when the
ready queue came into being, and go with it after ten minutes without use. With --domain, only the
ready queues of the domain's site (the daemon resolves it) and the scheduled queues of the domain.

Examples:
  $ waybill queue-summary --by-volume --limit 20
  $ waybill queue-summary --domain example.com
`;

/** The `queue-summary` command. */
export const build = (): Command =>
  withEndpoint(new Command('queue-summary'))
    .description('Shows ready queues and scheduled queues, and what stops them.')
    .option('--limit <n>', 'rows of each table', parseCount)
    .option('--by-volume', 'greatest first; else by name')
    .option('--domain <name>', 'only what belongs to this domain')
    .addHelpText('after', () => HELP + endpointHelp())
    .action(run);

const run = async (flags: Flags): Promise<void> => {
  const client = openClient(flags);
  const site = flags.domain === undefined ? undefined : await findSite(client, flags.domain);
  const rules = await readRules(client);
  const ready = await readReady(client, rules, flags, site);
  const scheduled = await readScheduled(client, rules, flags);
  const left = [ready.left, scheduled.left].filter((one) => one !== undefined);
  for (const sentence of left) remark(sentence);
  const said = { ready_queues: ready.rows, scheduled_queues: scheduled.rows };
  answer(flags.json, said, () => describe(ready.rows, scheduled.rows));
};

const findSite = async (client: DaemonClient, domain: string): Promise<string> => {
  type Said = { readonly mx: { readonly site_name: string } | null };
  const { mx } = await client.get<Said>('/api/admin/resolve-egress-path/v1', { domain });
  return mx?.site_name ?? domain;
};

interface Rules {
  readonly suspended: readonly (Rule & object)[];
  readonly bounced: readonly (Rule & object)[];
  readonly ready: ReadonlyMap<string, string>;
}

const readRules = async (client: DaemonClient): Promise<Rules> => {
  const suspended = await client.get<Rule[]>('/api/admin/suspend/v1');
  const bounced = await client.get<Rule[]>('/api/admin/bounce/v1');
  const ready = await client.get<Rule[]>('/api/admin/suspend-ready-q/v1');
  return { suspended, bounced, ready: new Map(ready.map((one) => [one.name ?? '', one.reason])) };
};

const READY = {
  delivered: 'total_messages_delivered',
  transfailed: 'total_messages_transfail',
  connections: 'connection_count',
  queued: 'ready_count',
} as const;

const CLIENT = 'smtp_client:';

const readReady = async (
  client: DaemonClient,
  rules: Rules,
  flags: Flags,
  site: string | undefined,
): Promise<{ rows: ReadyRow[]; left: string | undefined }> => {
  const { rows, others } = await readRows(client, READY, (label) => {
    const service = label('service') ?? '';
    if (service === 'other') return service;
    return service.startsWith(CLIENT) ? service.slice(CLIENT.length) : undefined;
  });
  const all = [...rows].map(([name, counts]) => ({
    ...{ name, ...splitName(name), ...counts },
    status: rules.ready.get(name) ?? '',
  }));
  const wanted = all.filter((row) => site === undefined || row.site === site);
  const shown = cut(wanted, flags, ({ delivered, transfailed, connections, queued }) => {
    return delivered + transfailed + connections + queued;
  });
  const states = await askStates(
    client,
    shown.map(({ name }) => name),
  );
  for (const row of shown) {
    row.status = [row.status, ...(states.get(row.name) ?? [])].filter(Boolean).join('; ');
  }
  return { rows: shown, left: describeOthers(others, 'ready queues') };
};

const splitName = (name: string): { site: string; source: string; protocol: string } => {
  const [, source = '', site = name, protocol = ''] = /^(.*?)->(.*)@([^@]+)$/.exec(name) ?? [];
  return { site, source, protocol };
};

const readScheduled = async (
  client: DaemonClient,
  rules: Rules,
  flags: Flags,
): Promise<{ rows: QueueRow[]; left: string | undefined }> => {
  const { rows, others } = await readRows(client, { count: 'scheduled_count' }, (label) =>
    label('queue'),
  );
  const domain = flags.domain?.toLowerCase();
  const wanted = [...rows].flatMap(([name, { count }]) =>
    domain === undefined || parseQueueName(name).domain === domain ? [{ name, count }] : [],
  );
  const shown = cut(wanted, flags, ({ count }) => count);
  return {
    rows: shown.map((row) => ({ ...row, status: statusOf(row.name, rules) })),
    left: describeOthers(others, 'scheduled queues'),
  };
};

const statusOf = (name: string, { bounced, suspended }: Rules): string => {
  const parts = parseQueueName(name);
  const meant = (rule: object): boolean => isMeant(criteriaFrom(rule), name, parts);
  const bounce = bounced.find(meant);
  if (bounce !== undefined) return `bounce: ${bounce.reason}`;
  const suspension = suspended.find(meant);
  return suspension === undefined ? '' : `suspended: ${suspension.reason}`;
};

/** What an entry of a list means; null is as good as absent. */
const criteriaFrom = (rule: object): Criteria =>
  criteriaOf(Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== null)));

const cut = <Row extends { readonly name: string }>(
  rows: Row[],
  { byVolume, limit }: Flags,
  volumeOf: (row: Row) => number,
): Row[] =>
  rows
    .sort((a, b) => (byVolume === true ? volumeOf(b) - volumeOf(a) : 0) || byName(a.name, b.name))
    .slice(0, limit);

const describe = (ready: readonly ReadyRow[], scheduled: readonly QueueRow[]): string =>
  [
    formatTable(
      ['SITE', 'SOURCE', 'PROTO', 'D', 'T', 'C', 'Q', ''],
      ready.map((one) => [
        ...[one.site, one.source, one.protocol],
        ...[one.delivered, one.transfailed, one.connections, one.queued],
        one.status,
      ]),
    ),
    '',
    formatTable(
      ['SCHEDULED QUEUE', 'COUNT', ''],
      scheduled.map(({ name, count, status }) => [name, count, status]),
    ),
  ].join('\n');
