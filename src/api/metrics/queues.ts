/**
 * Metrics of queues: how much waits in them, by queue, domain, tenant and provider, and for what.
 * The longest come last. Values are read when somebody asks. Counts nothing itself.
 */
import type { SumBy } from '../../actors/figures.ts';
import type { Read, Series } from './families.ts';
import { countsOf, listed, single } from './families.ts';
import type { Scrape } from './meters.ts';
import type { Given } from './services.ts';
import { ofClient, ofReady, PER_PROVIDER, PER_READY, readyCounts, readyTotal } from './services.ts';

const PER_QUEUE = 'scheduled queue';
const PER_DELAYED = 'scheduled queue, at most 1,000; the others share one';

const DELAYS = [
  [
    'delayed_due_to_message_rate_throttle',
    'Times that a max_message_rate made mail of the queue wait.',
    'messageRate',
  ],
  [
    'delayed_due_to_throttle_insert_ready',
    'Messages that a rate of throttle_insert_ready_queue made wait.',
    'insertThrottle',
  ],
  [
    'delayed_due_to_ready_queue_full',
    'Times that mail of the queue met full ready queues only.',
    'readyFull',
  ],
] as const;

const count = (name: string, help: string, key: 'scheduled' | 'queues' | 'readyQueues'): Given =>
  single('gauge', name, help, ({ meters }) => meters.figures?.numbers()[key]);

/** Few series, whatever there is in the queues. */
export const QUEUE_TOTALS: readonly Given[] = [
  count('scheduled_count_total', 'Messages in scheduled queues.', 'scheduled'),
  count('scheduled_queue_count', 'Scheduled queues.', 'queues'),
  count('waybill_ready_queue_count', 'Ready queues.', 'readyQueues'),
  ...DELAYS.map(([name, help, key]) =>
    listed(
      'counter',
      name,
      help,
      ['queue'],
      ({ meters }: Scrape) => countsOf(meters.delays?.[key].entries()),
      PER_DELAYED,
    ),
  ),
];

/** Messages of queues, added up. */
const summed = (name: string, help: string, labels: readonly string[], by: SumBy, per: string) =>
  listed(
    'gauge',
    name,
    help,
    labels,
    function* ({ meters: { figures } }: Scrape): Read<Series> {
      for (const one of figures?.sums(by) ?? []) {
        yield one && { labels: one.labels, value: one.sum };
      }
    },
    per,
  );

/** By provider, as depths are: a sum of ages would say nothing. */
const AGES: Given = {
  ...listed(
    'gauge',
    'waybill_oldest_age_seconds_by_provider',
    'Age of the oldest living message of queues whose site is known; of a rest its oldest.',
    ['provider'],
    function* ({ meters: { figures } }: Scrape): Read<Series> {
      for (const one of figures?.ages() ?? []) {
        yield one && { labels: one.labels, value: one.sum / 1_000 };
      }
    },
    PER_PROVIDER,
  ),
  rest: 'greatest',
};

/** As many series as there are queues, paths, providers or tenants; the longest come last. */
export const QUEUES: readonly Given[] = [
  listed(
    'gauge',
    'ready_count',
    'Messages in ready queues.',
    ['service'],
    readyCounts,
    PER_READY,
    readyTotal,
  ),
  listed(
    'counter',
    'ready_full',
    'Times that mail met a full ready queue.',
    ['service'],
    (scrape) => ofReady(scrape, ({ full }) => full),
    PER_READY,
    (scrape) => ofClient(scrape, ({ full }) => full),
  ),
  summed('scheduled_by_tenant', 'Messages in scheduled queues.', ['tenant'], 'tenant', 'tenant'),
  summed(
    'scheduled_by_tenant_campaign',
    'Messages in scheduled queues.',
    ['tenant', 'campaign'],
    'tenantCampaign',
    'campaign',
  ),
  summed(
    'queued_count_by_provider',
    'Living messages of queues whose site is known.',
    ['provider'],
    'provider',
    PER_PROVIDER,
  ),
  summed(
    'queued_count_by_provider_and_pool',
    'Living messages of queues whose site is known.',
    ['provider', 'pool'],
    'providerPool',
    PER_PROVIDER,
  ),
  AGES,
  summed('scheduled_by_domain', 'Messages in scheduled queues.', ['domain'], 'domain', 'domain'),
  listed(
    'gauge',
    'scheduled_count',
    'Messages in the scheduled queue: no ready queue and no connection has them.',
    ['queue'],
    function* ({ meters: { figures } }: Scrape): Read<Series> {
      for (const queue of figures?.queues() ?? []) {
        yield queue && { labels: [queue.name], value: queue.scheduled };
      }
    },
    PER_QUEUE,
  ),
];
