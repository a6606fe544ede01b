/**
 * What a worker shows to Prometheus about TLS to receivers: MTA-STS policies and what fetching them
 * came to. Values are read when somebody asks. Counts nothing itself.
 */
import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';

/** What is shown. */
export interface TlsNumbers {
  /** Routes that ended because an enforced policy allows none of the exchangers. */
  readonly impossible: number;
  readonly policies: number;
  readonly fetched: number;
  readonly failed: number;
  readonly outlived: number;
}

/** Adds the metrics to a registry. */
export function addTlsMetrics(registry: Registry, read: () => TlsNumbers): void {
  const registers = [registry];
  const impossible: Counter = new Counter({
    name: 'dns_mx_resolve_mta_sts_impossible',
    help: 'Routes that failed because an MTA-STS policy allows none of the exchangers.',
    registers,
    collect: () => {
      impossible.reset();
      impossible.inc(read().impossible);
    },
  });
  const policies: Gauge = new Gauge({
    name: 'mta_sts_policies',
    help: 'MTA-STS policies that are kept.',
    registers,
    collect: () => policies.set(read().policies),
  });
  const fetches: Counter<'result'> = new Counter({
    name: 'mta_sts_fetches_total',
    help: 'What fetching MTA-STS policies came to.',
    labelNames: ['result'],
    registers,
    collect: () => {
      fetches.reset();
      const { fetched, failed } = read();
      fetches.inc({ result: 'fetched' }, fetched);
      fetches.inc({ result: 'failed' }, failed);
    },
  });
  const outlived: Counter = new Counter({
    name: 'mta_sts_outlived_total',
    help: 'Times that a policy was used although its record or file could not be had.',
    registers,
    collect: () => {
      outlived.reset();
      outlived.inc(read().outlived);
    },
  });
}
