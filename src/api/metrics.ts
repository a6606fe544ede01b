/**
 * What a worker shows to Prometheus. The registry is our own, and its values are read when somebody
 * asks, so that counting costs nothing in between. Counts nothing itself.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { TlsNumbers } from './tls-metrics.ts';
import { addTlsMetrics } from './tls-metrics.ts';

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
}

/** The metrics as a page of text. */
export interface Metrics {
  readonly contentType: string;
  page(): Promise<string>;
}

/** Makes the metrics of one worker. */
export function createMetrics(meters: Meters): Metrics {
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
  const faults: Counter<'handler'> = new Counter({
    name: 'policy_handler_faults_total',
    help: 'Handlers of the policy that failed or were slow.',
    labelNames: ['handler'],
    registers,
    collect: () => {
      faults.reset();
      for (const [handler, count] of meters.faults) faults.inc({ handler }, count);
    },
  });
  if (meters.tls !== undefined) addTlsMetrics(registry, meters.tls);
  return { contentType: registry.contentType, page: () => registry.metrics() };
}
