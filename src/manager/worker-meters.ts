/**
 * What a worker knows about itself and was told by the manager, for whoever shows it. Counts only;
 * the form in which it is shown is not known here.
 */

import type { Delays } from '../api/metrics.ts';
import type { RefusalCounts } from '../api/record-metrics.ts';
import type { TlsNumbers } from '../api/tls-metrics.ts';
import type { InjectCounts } from '../intake/inject/injecting.ts';
import type { RedisFigures } from '../ports/node/quotas-redis-presence.ts';
import type { HookAnswer } from '../projections/hook-status.ts';
import type { ManagerCounters } from './messages.ts';

/** Counts of one worker. */
export class WorkerMeters {
  version = 0;
  epoch = 0;
  counters: ManagerCounters = { activations: 0, refusals: 0, workerRestarts: 0 };
  /** Messages that had to wait, as the engine counts them; undefined before it runs. */
  delays: Delays | undefined;
  /** How Redis is; undefined where quotas are counted in this process. */
  redis: (() => RedisFigures) | undefined;
  /** Faults of the policy, by handler. */
  readonly faults = new Map<string, number>();
  tls: (() => TlsNumbers) | undefined;
  /** How the log hooks are; undefined before the engine runs. */
  hooks: (() => Promise<HookAnswer>) | undefined;
  /** Refused commands, as the engine counts them. */
  refusals: RefusalCounts | undefined;
  /** What HTTP injection has counted; undefined where there is none. */
  inject: (() => Readonly<InjectCounts>) | undefined;

  /** A handler of the policy failed or was slow. */
  faulted(handler: string): void {
    this.faults.set(handler, (this.faults.get(handler) ?? 0) + 1);
  }
}
