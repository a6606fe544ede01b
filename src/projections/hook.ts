/**
 * A log hook as those see it who ship records: what it wants, how it is batched and shaped.
 * The one idea: what `setup.logHook` says is fixed for the life of the projections; what
 * `get_queue_config` and `get_egress_path_config` say about `<name>.log_hook` may change with every
 * version of the policy and arrives as a new `HookShape`.
 * Deliberately unknown here: options as operators write them, sinks, cursors.
 */
import type { ThrottleSpec } from '../domain/throttle-spec.ts';
import type { At, Ms } from '../ports/ports.ts';
import type { RecordType } from './log-record/record.ts';

/** Where a hook begins when it has no cursor yet. */
export type HookStart = 'beginning' | 'now' | { readonly at: At };

/** What a hook takes of the log; absent lists let everything pass. */
export interface HookFilter {
  /** Record types that pass; those switched off by `per_record` are not among them. */
  readonly types: ReadonlySet<RecordType>;
  readonly tenants?: ReadonlySet<string>;
  readonly campaigns?: ReadonlySet<string>;
  /** Recipients' domains, lower case. */
  readonly domains?: ReadonlySet<string>;
}

/** How many records go at a time. */
export interface HookBatching {
  readonly batchSize: number;
  readonly minBatchSize: number;
  /** How long the first record of a batch waits for `minBatchSize`, ms. */
  readonly maxBatchLatencyMs: Ms;
}

/** What may be lost when the receiver is away for long; absent: nothing is given up for it. */
export interface HookRetention {
  readonly maxAgeMs?: Ms;
  /** Bytes of log kept for this hook. */
  readonly maxBytes?: number;
}

/** What can change with the policy: the hook's queue and path, as the seed document shows. */
export interface HookShape {
  /** First wait after a failed batch; doubled up to `maxRetryIntervalMs`. */
  readonly retryIntervalMs: Ms;
  readonly maxRetryIntervalMs: Ms;
  /** Records read ahead of the sink. */
  readonly maxReady: number;
  /** Connections at a time. One is used while records go in order per hook. */
  readonly connectionLimit: number;
  readonly maxConnectionRate?: ThrottleSpec;
  readonly maxMessageRate?: ThrottleSpec;
  /** Records after which the connection is made anew; 0: never. */
  readonly maxDeliveriesPerConnection: number;
  readonly idleTimeoutMs: Ms;
  /** How long a batch under way may take at a stop. */
  readonly systemShutdownTimeoutMs: Ms;
}
