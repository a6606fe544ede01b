/**
 * Metrics of mail on its way: reception, deliveries and connections, by service, provider, source
 * and pool. Values are read when somebody asks. Counts nothing itself.
 */
import type { OutcomeCounts } from '../../actors/measures.ts';
import { countsOf, listed } from './families.ts';
import type { Scrape } from './meters.ts';
import type { Given } from './services.ts';
import {
  CLIENT,
  connections,
  connectionsBegun,
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
  listed('gauge', 'connection_count', 'Open connections.', ['service'], connections, PER_READY),
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
];
