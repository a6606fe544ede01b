/**
 * What `waybill status` is told: the manager's own state, as plain data. Types only, shared by the
 * manager that answers and the tool that shows it.
 */

/** What a worker is doing. */
export type WorkerState = 'starting' | 'ready' | 'waiting' | 'stopping' | 'stopped';

/** One worker. */
export interface WorkerStatus {
  /** Undefined between two lives. */
  readonly pid: number | undefined;
  readonly state: WorkerState;
  readonly version: number | undefined;
  readonly epoch: number | undefined;
  readonly uptimeMs: number;
  readonly restarts: number;
  readonly lastCrash?: { readonly at: number; readonly sentence: string };
}

/** The policy in force. */
export interface PolicyStatus {
  /** The policy file, or `embedded`. */
  readonly source: string;
  readonly version: number | undefined;
  readonly hash: string | undefined;
  readonly epoch: number;
  readonly activations: number;
  readonly refusals: number;
  readonly lastRefusal?: {
    readonly at: number;
    readonly number: number;
    readonly sentence: string;
  };
}

/** The whole daemon. */
export interface DaemonStatus {
  readonly pid: number;
  /** Of the program. */
  readonly version: string;
  readonly uptimeMs: number;
  readonly policy: PolicyStatus;
  readonly workers: readonly WorkerStatus[];
  readonly listeners: readonly string[];
  readonly httpListeners: readonly string[];
}
