/**
 * What a worker knows about itself and was told by the manager, for whoever shows it. Counts only;
 * the form in which it is shown is not known here.
 */

import type { Delays } from '../actors/core.ts';
import type { Figures, TlsNumbers } from '../actors/figures.ts';
import type { ListenerMeters, Meters } from '../api/metrics/meters.ts';
import type { InjectCounts } from '../intake/inject/injecting.ts';
import type { ProcessFigures } from '../ports/node/process-figures.ts';
import type { RedisFigures } from '../ports/node/quotas-redis-presence.ts';
import type { HookAnswer } from '../projections/hook-status.ts';
import type { ManagerCounters } from './messages.ts';

/** Counts of one worker. */
export class WorkerMeters implements Meters {
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
  refusals: Meters['refusals'];
  /** The engine in numbers; undefined before it runs. */
  figures: Figures | undefined;
  /** SMTP listeners, once they are open. */
  listeners: readonly ListenerMeters[] | undefined;
  /** The process in numbers; undefined before the engine runs. */
  process: (() => ProcessFigures) | undefined;
  ndrs: Meters['ndrs'];
  signing: Meters['signing'];
  /** What the resolver's cache came to; undefined before the engine runs. */
  dns: Meters['dns'];
  /** What HTTP injection has counted; undefined where there is none. */
  inject: (() => Readonly<InjectCounts>) | undefined;

  /** A handler of the policy failed or was slow. */
  faulted(handler: string): void {
    this.faults.set(handler, (this.faults.get(handler) ?? 0) + 1);
  }
}
