/**
 * What a worker shows to Prometheus about records of the log: refused commands that were kept for
 * readers of the log, and those that were too many. Counts nothing itself.
 */
import type { Registry } from 'prom-client';
import { Counter } from 'prom-client';

/** Refused commands since the start. */
export interface RefusalCounts {
  readonly told: number;
  readonly missed: number;
}

/** Adds the metrics to a registry. */
export function addRecordMetrics(registry: Registry, counts: RefusalCounts): void {
  const rejections: Counter<'result'> = new Counter({
    name: 'smtp_server_rejections_total',
    help: 'Refused SMTP commands: written to the log, or left out because they were too many.',
    labelNames: ['result'],
    registers: [registry],
    collect: () => {
      rejections.reset();
      rejections.inc({ result: 'logged' }, counts.told);
      rejections.inc({ result: 'left_out' }, counts.missed);
    },
  });
}
