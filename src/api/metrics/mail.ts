/**
 * Metrics of mail on its way: reception, deliveries and connections, by service, provider, source
 * and pool. Values are read when somebody asks. Counts nothing itself.
 */
import type { OutcomeCounts } from '../../actors/measures.ts';
import type { Histogram } from '../../domain/histogram.ts';
import { joinHistograms } from '../../domain/histogram.ts';
import type { TransactionTimes } from '../../intake/times.ts';
import { countsOf, distribution, listed, single } from './families.ts';
import type { Scrape } from './meters.ts';
import type { Given } from './services.ts';
import {
  CLIENT,
  connections,
  connectionsBegun,
  connectionsBegunTotals,
  connectionTotals,
  ofClient,
  ofListeners,
  ofReady,
  ofShared,
  PER_PROVIDER,
  PER_READY,
  received,
  rejected,
} from './services.ts';

const OUTCOMES: readonly (readonly [suffix: string, said: string, key: keyof OutcomeCounts])[] = [
  ['delivered', 'Recipients delivered', 'delivered'],
  ['transfail', 'Recipients that failed for now, each attempt', 'transient'],
  ['fail', 'Recipients that failed for good at an attempt', 'permanent'],
];

/** Outcomes of attempts. */
export const DELIVERIES: readonly Given[] = OUTCOMES.flatMap(([suffix, said, key]) => [
  listed(
    'counter',
    `total_messages_${suffix}`,
    `${said}.`,
    ['service'],
    (scrape: Scrape) => ofReady(scrape, (counts) => counts[key]),
    PER_READY,
    (scrape) => ofClient(scrape, (counts) => counts[key]),
  ),
  listed(
    'counter',
    `total_messages_${suffix}_by_provider`,
    `${said}, by provider; where a path names none, by site.`,
    ['provider'],
    (scrape: Scrape) =>
      ofShared(
        scrape,
        'providers',
        ({ provider }) => [provider],
        (counts) => counts[key],
      ),
    PER_PROVIDER,
  ),
  listed(
    'counter',
    `total_messages_${suffix}_by_provider_and_source`,
    `${said}, by path and pool.`,
    ['provider', 'source', 'pool'],
    (scrape: Scrape) =>
      ofShared(
        scrape,
        'lanes',
        ({ provider, source, pool }) => [provider, source, pool],
        (counts) => counts[key],
      ),
    PER_READY,
  ),
]);

/** Connections to receivers and clients. */
export const CONNECTIONS: readonly Given[] = [
  listed(
    'gauge',
    'connection_count',
    'Open connections.',
    ['service'],
    connections,
    PER_READY,
    connectionTotals,
  ),
  listed(
    'gauge',
    'connection_count_by_provider',
    'Open connections to receivers.',
    ['provider'],
    (scrape) =>
      ofShared(
        scrape,
        'providers',
        ({ provider }) => [provider],
        (counts) => counts.connections,
      ),
    PER_PROVIDER,
  ),
  listed(
    'gauge',
    'connection_count_by_provider_and_pool',
    'Open connections to receivers; the pool is the one that first used the path.',
    ['provider', 'pool'],
    (scrape) =>
      ofShared(
        scrape,
        'homes',
        ({ provider, pool }) => [provider, pool],
        (counts) => counts.connections,
      ),
    PER_READY,
  ),
  listed(
    'counter',
    'total_connection_count',
    'Connections begun: to us those let in, to receivers also those that came to nothing.',
    ['service'],
    connectionsBegun,
    PER_READY,
    connectionsBegunTotals,
  ),
  listed(
    'counter',
    'total_connections_denied',
    'Connections turned away in the greeting.',
    ['service'],
    (scrape) => ofListeners(scrape, ({ counts }) => counts.denied),
  ),
  listed(
    'counter',
    'dispatcher_watchdog_aborted_total',
    'Connections cut because they made no progress.',
    ['service'],
    (scrape) => ofReady(scrape, ({ aborted }) => aborted),
    PER_READY,
    (scrape) => ofClient(scrape, ({ aborted }) => aborted),
  ),
];

const transactions = (
  name: string,
  help: string,
  pick: (times: TransactionTimes) => Histogram,
): Given =>
  distribution(name, help, ({ meters: { listeners } }: Scrape) =>
    listeners === undefined ? undefined : joinHistograms(listeners.map(({ times }) => pick(times))),
  );

const TIMES: readonly Given[] = [
  transactions(
    'smtpsrv_transaction_duration',
    'A transaction of SMTP that got as far as its message, until the answer, seconds.',
    ({ transaction }) => transaction,
  ),
  transactions(
    'smtpsrv_read_data_duration',
    'A message on its way in, from 354 to the final dot, seconds.',
    ({ readData }) => readData,
  ),
  transactions(
    'smtpsrv_process_data_duration',
    'From the final dot to its answer: policy, disk and log, seconds.',
    ({ processData }) => processData,
  ),
];

/** DKIM signatures. */
const SIGNING: readonly Given[] = [
  distribution(
    'dkim_signer_sign',
    'Signing a message on another thread, waiting included, seconds.',
    ({ meters: { signing } }: Scrape) => signing?.()?.seconds,
  ),
  listed(
    'counter',
    'waybill_dkim_orders_total',
    'Messages to be signed; refused are those for which there was no place.',
    ['result'],
    ({ meters: { signing } }) => {
      const now = signing?.();
      if (now === undefined) return [];
      const { signed, failed, refused } = now;
      return countsOf(Object.entries({ signed, failed, refused }));
    },
  ),
  single(
    'gauge',
    'waybill_dkim_waiting',
    'Messages that wait for a signing thread.',
    ({ meters: { signing } }: Scrape) => signing?.()?.waiting,
  ),
  single(
    'gauge',
    'waybill_dkim_threads',
    'Threads that sign.',
    ({ meters: { signing } }: Scrape) => signing?.()?.threads,
  ),
  single(
    'counter',
    'waybill_dkim_thread_deaths_total',
    'Signing threads that ended by themselves.',
    ({ meters: { signing } }: Scrape) => signing?.()?.deaths,
  ),
];

/** Reports of failure. */
const NDRS: readonly Given[] = [
  single(
    'gauge',
    'waybill_ndrs_owed',
    'Reports of failure that are to be written.',
    ({ meters: { ndrs } }: Scrape) => ndrs?.owed,
  ),
  listed(
    'counter',
    'waybill_ndrs_total',
    'Reports of failure: owed, generated, waived, and not even owed because too many were.',
    ['result'],
    ({ meters: { ndrs } }) => countsOf(ndrs && Object.entries(ndrs.counts)),
  ),
];

/** Mail that comes in, and how long it takes to go out. */
export const RECEPTION: readonly Given[] = [
  listed(
    'counter',
    'total_messages_received',
    'Mail taken over: transactions of SMTP, recipients of HTTP.',
    ['service'],
    received,
  ),
  listed(
    'counter',
    'smtp_server_rejections',
    'Refused SMTP commands, by listener and in all; not those of a server that is full or stops.',
    ['service'],
    rejected,
  ),
  listed(
    'counter',
    'waybill_rejections_total',
    'The same: written to the log, or left out because they were too many.',
    ['result'],
    ({ meters: { refusals } }) =>
      countsOf(
        refusals && [
          ['logged', refusals.told],
          ['left_out', refusals.missed],
        ],
      ),
  ),
  {
    name: 'deliver_message_latency_rollup',
    type: 'histogram',
    labels: ['service'],
    help: 'A message in the hands of a connection, seconds.',
    read: ({ meters: { figures } }) =>
      figures === undefined
        ? []
        : [{ labels: [CLIENT], histogram: figures.measures.deliverSeconds }],
  },
  ...TIMES,
  ...SIGNING,
  ...NDRS,
];
