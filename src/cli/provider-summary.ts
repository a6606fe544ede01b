/**
 * `waybill provider-summary`: delivered, put off, refused, connections and what waits, by provider
 * or by provider and pool. Knows no site; what provider one belongs to is the daemon's to say.
 */
import { Command } from 'commander';
import { parseCount } from './arguments.ts';
import type { DaemonClient } from './client.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import type { Rows } from './metric-rows.ts';
import { describeOthers, readRows } from './metric-rows.ts';
import { answer, byName, formatTable } from './table.ts';
import { DaemonRefusal, remark, startProgress } from './terminal.ts';

interface Flags extends EndpointFlags {
  readonly byPool?: boolean;
  readonly showDomains?: boolean;
  readonly limit?: number;
}

const BY_PROVIDER = {
  delivered: 'total_messages_delivered_by_provider',
  transfailed: 'total_messages_transfail_by_provider',
  failed: 'total_messages_fail_by_provider',
  connections: 'connection_count_by_provider',
  queued: 'queued_count_by_provider',
} as const;
const BY_POOL = {
  delivered: 'total_messages_delivered_by_provider_and_source',
  transfailed: 'total_messages_transfail_by_provider_and_source',
  failed: 'total_messages_fail_by_provider_and_source',
  connections: 'connection_count_by_provider_and_pool',
  queued: 'queued_count_by_provider_and_pool',
} as const;

type Counts = Readonly<Record<keyof typeof BY_PROVIDER, number>>;

interface Row extends Counts {
  readonly provider: string;
  readonly pool?: string;
  domains?: string[];
}

/** Domains that are resolved for --show-domains, those with most mail. */
const DOMAINS_MAX = 500;
/** Asked for at once: DNS answers slowly. */
const HANDS = 8;

const HELP = `
D delivered, T put off, F refused, C connections, Q messages that wait. A site without a provider
stands under its own name. With --show-domains the daemon resolves the ${DOMAINS_MAX} domains
with most waiting mail, and those of a site are named beside it.

Examples:
  $ waybill provider-summary --limit 20
  $ waybill provider-summary --by-pool --json | jq '.[] | select(.transfailed > .delivered)'
`;

/** The `provider-summary` command. */
export const build = (): Command =>
  withEndpoint(new Command('provider-summary'))
    .description('Shows what was delivered, put off and refused, and what waits, by provider.')
    .option('--by-pool', 'by provider and pool')
    .option('--show-domains', 'with the domains of each site')
    .option('--limit <n>', 'rows', parseCount)
    .addHelpText('after', () => HELP + endpointHelp())
    .action(run);

/** Stands between provider and pool in a key; no name has it. */
const SEAM = '\n';

const run = async (flags: Flags): Promise<void> => {
  const client = openClient(flags);
  const found: Rows<keyof Counts> = await (flags.byPool === true
    ? readRows(client, BY_POOL, (label) => {
        const [provider, pool] = [label('provider') ?? '', label('pool') ?? ''];
        return provider === 'other' && pool === 'other' ? 'other' : provider + SEAM + pool;
      })
    : readRows(client, BY_PROVIDER, (label) => label('provider')));
  const rows = [...found.rows].map(([key, counts]): Row => {
    const [provider = '', pool] = key.split(SEAM);
    return { provider, ...(pool === undefined ? {} : { pool }), ...counts };
  });
  const shown = rows
    .sort((a, b) => volumeOf(b) - volumeOf(a) || byName(nameOf(a), nameOf(b)))
    .slice(0, flags.limit);
  if (flags.showDomains === true) await addDomains(client, shown);
  const left = describeOthers(found.others, 'providers');
  if (left !== undefined) remark(left);
  answer(flags.json, shown, () => describe(shown, flags));
};

const volumeOf = ({ delivered, transfailed, failed, queued }: Row): number =>
  delivered + transfailed + failed + queued;

const nameOf = ({ provider, pool = '' }: Row): string => `${provider} ${pool}`;

const addDomains = async (client: DaemonClient, rows: readonly Row[]): Promise<void> => {
  const { rows: waiting } = await readRows(
    client,
    { messages: 'scheduled_by_domain' },
    (label) => label('domain'),
    DOMAINS_MAX,
  );
  const domains = [...waiting.keys()];
  const bySite = new Map<string, string[]>();
  const progress = await startProgress(domains.length, true);
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let domain = domains[next++]; domain !== undefined; domain = domains[next++]) {
      const site = await findSite(client, domain);
      if (site !== undefined) bySite.set(site, [...(bySite.get(site) ?? []), domain]);
      progress.show(next, domain);
    }
  };
  await Promise.all(Array.from({ length: HANDS }, hand));
  progress.stop();
  for (const row of rows) row.domains = (bySite.get(row.provider) ?? []).sort(byName);
};

const findSite = async (client: DaemonClient, domain: string): Promise<string | undefined> => {
  type Said = { readonly mx: { readonly site_name: string } | null };
  try {
    const { mx } = await client.get<Said>('/api/admin/resolve-egress-path/v1', { domain });
    return mx?.site_name;
  } catch (error) {
    // A domain that cannot be resolved is named nowhere.
    if (error instanceof DaemonRefusal) return undefined;
    throw error;
  }
};

const describe = (rows: readonly Row[], { byPool, showDomains }: Flags): string =>
  formatTable(
    [
      'PROVIDER',
      ...(byPool === true ? ['POOL'] : []),
      ...['D', 'T', 'F', 'C', 'Q'],
      ...(showDomains === true ? ['DOMAINS'] : []),
    ],
    rows.map((row) => [
      row.provider,
      ...(byPool === true ? [row.pool ?? ''] : []),
      ...[row.delivered, row.transfailed, row.failed, row.connections, row.queued],
      ...(showDomains === true ? [(row.domains ?? []).join(' ')] : []),
    ]),
  );
