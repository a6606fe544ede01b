/**
 * What the worker's main thread and the thread of the projections say to each other. Plain data
 * only. Knows nobody's work.
 */
import type { ReaderNeed } from '../domain/reader-floors.ts';
import type { PolicyFault } from '../policy/ask.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';

/** What the thread is started with. */
export interface ProjectionStart {
  /** The data directory. */
  readonly dir: string;
  /** How far the log is durable: events/log-mark.ts. */
  readonly mark: SharedArrayBuffer;
  /** How busy mail is: mail-load.ts. */
  readonly load: SharedArrayBuffer;
  /** Of the data directory, 8 hex digits. */
  readonly node: string;
  /** The version of the policy to begin with. */
  readonly version: number;
  /** Where a reader begins that is new with this version and starts `now`. */
  readonly now: number;
}

/** main thread → projections. */
export type ToProjections =
  | ({ readonly kind: 'use' } & Pick<ProjectionStart, 'version' | 'now'>)
  /** What the policy says of queues and paths may have changed. */
  | { readonly kind: 'bump' }
  | { readonly kind: 'ask'; readonly id: number; readonly order: HookOrder }
  | { readonly kind: 'stop' };

/** How loud something is said. */
export type LogLevel = 'info' | 'warn' | 'error';

/** projections → main thread. */
export type FromProjections =
  | { readonly kind: 'answered'; readonly id: number; readonly answer: HookAnswer }
  /** Every few seconds, also as a sign of life: what readers still need of the log. */
  | { readonly kind: 'needs'; readonly needs: readonly ReaderNeed[] }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  | { readonly kind: 'fault'; readonly fault: PolicyFault };
