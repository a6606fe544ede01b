/**
 * Metrics of the ways out: routes, sources, MTA-STS policies, shared quotas and log hooks. Values
 * are read when somebody asks; a hook or source that is gone is not shown any more. Counts nothing.
 */
import type { TlsNumbers } from '../../actors/figures.ts';
import type { HookStatus } from '../../projections/hook-status.ts';
import type { Family, Series } from './families.ts';
import { countsOf, listed, single } from './families.ts';
import type { LabelledCount, RedisNumbers, Scrape, SourceMeters } from './meters.ts';

type Given = Family<Scrape>;

const bySource = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  label: string,
  pick: (meters: SourceMeters) => readonly LabelledCount[],
): Given =>
  listed(
    type,
    name,
    help,
    ['source', label],
    ({ sources }) =>
      (sources === undefined ? [] : pick(sources())).map(({ source, label: what, value }) => ({
        labels: [source, what],
        value,
      })),
    'source',
  );

const SOURCES: readonly Given[] = [
  bySource(
    'gauge',
    'egress_source_health_suspended',
    'Whether the source is suspended for this reason (1) or not (0).',
    'reason',
    ({ suspended }) => suspended,
  ),
  bySource(
    'counter',
    'egress_source_health_suspensions_total',
    'Suspensions of the source; one that is only made longer is not counted again.',
    'reason',
    ({ suspensions }) => suspensions,
  ),
  bySource(
    'counter',
    'egress_source_connection_failures_total',
    'Failures to connect for which the source is to blame, with or without a rule.',
    'kind',
    ({ failures }) => failures,
  ),
  single(
    'counter',
    'bind_failures',
    'Failures to bind a local address.',
    ({ sources }) => sources?.().bindFailures,
  ),
  single(
    'counter',
    'proxy_connection_failures',
    'Connections to proxies that did not come about.',
    ({ sources }) => sources?.().proxyFailures,
  ),
];

const route = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  pick: (routes: { asked: number; found: number; failed: number }) => number,
): Given =>
  single(type, name, help, ({ meters: { figures } }) =>
    figures === undefined ? undefined : pick(figures.measures.routes),
  );

const tls = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  pick: (numbers: TlsNumbers) => number,
): Given =>
  single(type, name, help, ({ meters }) =>
    meters.tls === undefined ? undefined : pick(meters.tls()),
  );

const ROUTES: readonly Given[] = [
  single(
    'counter',
    'dns_mx_resolve_cache_hit',
    'Questions for MX records that needed no look-up of their own.',
    ({ meters: { dns } }: Scrape) => dns?.mxHits,
  ),
  single(
    'counter',
    'dns_mx_resolve_cache_miss',
    'Questions for MX records that were looked up.',
    ({ meters: { dns } }: Scrape) => dns?.mxMisses,
  ),
  route(
    'counter',
    'dns_mx_resolve_status_ok',
    'Routes of queues that were found; a null MX is one.',
    ({ found }) => found,
  ),
  route(
    'counter',
    'dns_mx_resolve_status_fail',
    'Routes of queues that could not be had.',
    ({ failed }) => failed,
  ),
  route(
    'gauge',
    'dns_mx_resolve_in_progress',
    'Routes that are being asked for.',
    ({ asked, found, failed }) => asked - found - failed,
  ),
  tls(
    'counter',
    'dns_mx_resolve_mta_sts_impossible',
    'Routes that failed because an MTA-STS policy allows none of the exchangers.',
    ({ impossible }) => impossible,
  ),
  tls('gauge', 'mta_sts_policies', 'MTA-STS policies that are kept.', ({ policies }) => policies),
  listed(
    'counter',
    'mta_sts_fetches_total',
    'What fetching MTA-STS policies came to.',
    ['result'],
    ({ meters }) => {
      const now = meters.tls?.();
      return countsOf(
        now && [
          ['fetched', now.fetched],
          ['failed', now.failed],
        ],
      );
    },
  ),
  tls(
    'counter',
    'mta_sts_outlived_total',
    'Times that a policy was used although its record or file could not be had.',
    ({ outlived }) => outlived,
  ),
];

const redis = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  pick: (numbers: RedisNumbers) => number,
): Given =>
  single(type, name, help, ({ meters }) =>
    meters.redis === undefined ? undefined : pick(meters.redis()),
  );

const REDIS: readonly Given[] = [
  redis(
    'gauge',
    'redis_quotas_available',
    'Whether Redis counts shared rates and limits (1), or is away (0).',
    ({ isAvailable }) => Number(isAvailable),
  ),
  redis(
    'counter',
    'redis_quotas_fallbacks_total',
    'How often this daemon went on with its share, without Redis.',
    ({ fallbacks }) => fallbacks,
  ),
  redis(
    'counter',
    'redis_quotas_errors_total',
    'Calls to Redis that failed, and failed attempts to reach it.',
    ({ errors }) => errors,
  ),
  redis(
    'gauge',
    'redis_quotas_leases',
    'Places this daemon holds under shared limits.',
    ({ leases }) => leases,
  ),
];

const hook = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (hook: HookStatus) => number,
  label = 'hook',
): Given =>
  listed(type, name, help, [label], async (scrape) =>
    (await scrape.hooks()).map((one): Series => ({ labels: [one.name], value: value(one) })),
  );

const HOOKS: readonly Given[] = [
  hook(
    'gauge',
    'log_hook_lag_records',
    'Records of the log behind the hook.',
    ({ lagRecords }) => lagRecords,
  ),
  hook(
    'gauge',
    'log_hook_lag_seconds',
    'Age of the oldest of them.',
    ({ lagSeconds }) => lagSeconds,
  ),
  hook('gauge', 'log_hook_ready_records', 'Records read ahead of the sink.', ({ ready }) => ready),
  hook(
    'gauge',
    'log_hook_failures',
    'Failed batches in a row; 0 when all is well.',
    ({ failures }) => failures,
  ),
  // The reference's own name and label; here it counts what waits in the log.
  hook(
    'gauge',
    'log_hook_backlog_count',
    'Records that wait for the hook.',
    ({ lagRecords }) => lagRecords,
    'logger',
  ),
  hook(
    'counter',
    'log_hook_records_shipped_total',
    'Records confirmed by the sink.',
    ({ shipped }) => shipped,
  ),
  hook(
    'counter',
    'log_hook_batches_failed_total',
    'Batches that are sent again.',
    ({ failedBatches }) => failedBatches,
  ),
  hook(
    'counter',
    'log_hook_records_dead_lettered_total',
    'Records refused for good, skipped, or without a text.',
    ({ deadLettered }) => deadLettered,
  ),
  hook(
    'counter',
    'log_hook_positions_fallen_off_total',
    'Given up by retention.',
    ({ fellOff }) => fellOff,
  ),
  listed(
    'gauge',
    'log_hook_state',
    'What the hook does: 1 for the state it is in.',
    ['hook', 'state'],
    async (scrape) =>
      (await scrape.hooks()).map(({ name, state }) => ({ labels: [name, state], value: 1 })),
  ),
];

/** Everything about the ways out. */
export const EGRESS: readonly Given[] = [...SOURCES, ...ROUTES, ...REDIS, ...HOOKS];
