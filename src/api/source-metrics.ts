/**
 * The health of egress sources for Prometheus. Values are read when somebody asks; a source and
 * reason that was ever suspended is shown with 0 from then on. Counts nothing itself.
 */
import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';

/** Something counted for a source and a label. */
export interface LabelledCount {
  readonly source: string;
  readonly label: string;
  readonly value: number;
}

/** What is shown. */
export interface SourceMeters {
  /** By source and reason: 1 while it is suspended, 0 after. */
  readonly suspended: readonly LabelledCount[];
  readonly suspensions: readonly LabelledCount[];
  /** By source and kind. */
  readonly failures: readonly LabelledCount[];
  readonly bindFailures: number;
  readonly proxyFailures: number;
}

/** Adds the metrics of sources to a registry. */
export function addSourceMetrics(registry: Registry, read: () => SourceMeters): void {
  const registers = [registry];
  const suspended: Gauge<'source' | 'reason'> = new Gauge({
    name: 'egress_source_health_suspended',
    help: 'Whether the source is suspended for this reason (1) or not (0).',
    labelNames: ['source', 'reason'],
    registers,
    collect: () => {
      suspended.reset();
      for (const { source, label, value } of read().suspended) {
        suspended.set({ source, reason: label }, value);
      }
    },
  });
  const suspensions: Counter<'source' | 'reason'> = new Counter({
    name: 'egress_source_health_suspensions_total',
    help: 'Suspensions of the source; one that is only made longer is not counted again.',
    labelNames: ['source', 'reason'],
    registers,
    collect: () => {
      suspensions.reset();
      for (const { source, label, value } of read().suspensions) {
        suspensions.inc({ source, reason: label }, value);
      }
    },
  });
  const failures: Counter<'source' | 'kind'> = new Counter({
    name: 'egress_source_connection_failures_total',
    help: 'Failures to connect for which the source is to blame, with or without a rule.',
    labelNames: ['source', 'kind'],
    registers,
    collect: () => {
      failures.reset();
      for (const { source, label, value } of read().failures) {
        failures.inc({ source, kind: label }, value);
      }
    },
  });
  plainCounter('bind_failures', 'Failures to bind a local address.', () => read().bindFailures);
  plainCounter(
    'proxy_connection_failures',
    'Connections to proxies that did not come about.',
    () => read().proxyFailures,
  );
  function plainCounter(name: string, help: string, value: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        counter.reset();
        counter.inc(value());
      },
    });
  }
}
