/**
 * What a worker shows to Prometheus. The registry is our own, and its values are read when somebody
 * asks, so that counting costs nothing in between. Counts nothing itself.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { ReadHooks } from './hook-metrics.ts';
import { addHookMetrics } from './hook-metrics.ts';
import type { RefusalCounts } from './record-metrics.ts';
import { addRecordMetrics } from './record-metrics.ts';
import type { RedisNumbers } from './redis-metrics.ts';
import { addRedisMetrics } from './redis-metrics.ts';
import type { SourceMeters } from './source-metrics.ts';
import { addSourceMetrics } from './source-metrics.ts';
import type { TlsNumbers } from './tls-metrics.ts';
import { addTlsMetrics } from './tls-metrics.ts';

/** Counts by label. */
export type Counts = { entries(): Iterable<readonly [string, number]> };

/** Messages that had to wait, by queue and by what for. */
export interface Delays {
  readonly messageRate: Counts;
  readonly insertThrottle: Counts;
  readonly readyFull: Counts;
}

/** What is shown. */
export interface Meters {
  readonly version: number;
  readonly epoch: number;
  readonly counters: {
    readonly activations: number;
    readonly refusals: number;
    readonly workerRestarts: number;
  };
  readonly faults: ReadonlyMap<string, number>;
  /** Numbers of a running engine; undefined before it runs. */
  readonly tls?: (() => TlsNumbers) | undefined;
  readonly refusals?: RefusalCounts | undefined;
  /** Messages that had to wait for a rate or for room, by queue; undefined before a start. */
  readonly delays?: Delays | undefined;
  /** Quotas shared through Redis; undefined where they are not. */
  readonly redis?: (() => RedisNumbers) | undefined;
  /** How the log hooks are; undefined before they run. */
  readonly hooks?: ReadHooks | undefined;
}

/** The metrics as a page of text. */
export interface Metrics {
  readonly contentType: string;
  page(): Promise<string>;
}

const DELAYS = {
  messageRate: [
    'delayed_due_to_message_rate_throttle',
    'Times that a max_message_rate made mail of the queue wait.',
  ],
  insertThrottle: [
    'delayed_due_to_throttle_insert_ready',
    'Messages that a rate of throttle_insert_ready_queue made wait.',
  ],
  readyFull: [
    'delayed_due_to_ready_queue_full',
    'Times that mail of the queue met full ready queues only.',
  ],
} as const;

/** Makes the metrics of one worker. */
export function createMetrics(meters: Meters, readSources?: () => SourceMeters): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    const made: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        made.reset();
        made.inc(read());
      },
    });
  };
  gauge('config_epoch', 'The configuration epoch in force.', () => meters.epoch);
  gauge('policy_version', 'The version of the policy in force.', () => meters.version);
  const read = (): Meters['counters'] => meters.counters;
  counter('policy_activations_total', 'Versions put in force.', () => read().activations);
  counter('policy_refusals_total', 'Candidates refused.', () => read().refusals);
  counter('worker_restarts_total', 'Workers started again.', () => read().workerRestarts);
  const counters = (name: string, help: string, label: string, read: () => Counts | undefined) => {
    const made: Counter = new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect: () => {
        made.reset();
        for (const [value, count] of read()?.entries() ?? []) made.inc({ [label]: value }, count);
      },
    });
  };
  const faultsHelp = 'Handlers of the policy that failed or were slow.';
  counters('policy_handler_faults_total', faultsHelp, 'handler', () => meters.faults);
  const { messageRate, insertThrottle, readyFull } = DELAYS;
  counters(messageRate[0], messageRate[1], 'queue', () => meters.delays?.messageRate);
  counters(insertThrottle[0], insertThrottle[1], 'queue', () => meters.delays?.insertThrottle);
  counters(readyFull[0], readyFull[1], 'queue', () => meters.delays?.readyFull);
  if (meters.tls !== undefined) addTlsMetrics(registry, meters.tls);
  if (meters.refusals !== undefined) addRecordMetrics(registry, meters.refusals);
  if (readSources !== undefined) addSourceMetrics(registry, readSources);
  if (meters.redis !== undefined) addRedisMetrics(registry, meters.redis);
  if (meters.hooks !== undefined) addHookMetrics(registry, meters.hooks);
  return { contentType: registry.contentType, page: () => registry.metrics() };
}
