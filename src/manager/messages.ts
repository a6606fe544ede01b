/**
 * What the manager and its children say to each other, over the channel that Node gives a forked
 * process, and what an operator's tool and the manager say over the control socket. Plain data
 * only: every message survives JSON. Knows nobody's work.
 */

import type { Subject } from '../domain/explanation.ts';
import type { ErasureOrder } from '../erasing/pending.ts';
import type { HookAnswer, HookOrder } from '../projections/hook-status.ts';
import type { Told } from './telling.ts';

/** Time given to sessions at a stop, and then to connections, ms: the usual patience of a peer. */
export const STOP_GRACE_MS = 30_000;
/** Sessions, then connections, then the last turns; a worker that takes longer gives up. */
export const STOP_MS_MAX = 2 * STOP_GRACE_MS + 5_000;

/** What the manager watches for a version: any change of these files asks for a reload. */
export interface MonitorSet {
  /** Absolute paths of the files the version was made of. */
  readonly files: readonly string[];
  /** Absolute, or relative to the folder of the policy file; empty means the usual ones. */
  readonly globs: readonly string[];
  readonly intervalMs: number;
}

/** manager → policy-loader: load this policy file into the store below the data directory. */
export interface LoadOrder {
  readonly kind: 'load';
  /** The policy file. */
  readonly source: string;
  readonly reason: string;
  /** The data directory. */
  readonly dir: string;
}

/** policy-loader → manager. */
export type LoadVerdict =
  | {
      readonly kind: 'loaded';
      readonly number: number;
      readonly hash: string;
      readonly settingsHash: string;
      readonly monitor: MonitorSet;
      /** The same content as the version in force: `number` is that one's. */
      readonly isSame: boolean;
      /** The contents of its files say all: the next start may use it while they are the same. */
      readonly isSelfContained: boolean;
      /** It asks to be held against the laws before it comes into force. */
      readonly hasLawGate: boolean;
      readonly warnings: readonly string[];
    }
  | Refused;

/** policy-loader or canary → manager: the candidate may not come into force. */
export interface Refused {
  readonly kind: 'refused';
  /** The version refused, or the number of the refusal where no version came to be. */
  readonly number: number;
  readonly sentence: string;
  /** More lines, for who asked: what led to it. */
  readonly account?: string;
}

/** manager → canary: start from this version and resolve with it. */
export interface ProveOrder {
  readonly kind: 'prove';
  readonly number: number;
  readonly dir: string;
}

/** canary → manager. */
export type ProofVerdict = { readonly kind: 'proved' } | Refused;

/** manager → the check of laws: hold this version against them, as it asks for itself. */
export interface LawOrder {
  readonly kind: 'check laws';
  readonly number: number;
  readonly dir: string;
}

/** The check of laws → manager; the sentence says how far it came, '' where none was asked for. */
export type LawVerdict = { readonly kind: 'held'; readonly sentence: string } | Refused;

/** What the manager counts; workers serve it as metrics. */
export interface ManagerCounters {
  readonly activations: number;
  readonly refusals: number;
  readonly workerRestarts: number;
}

/** What a worker is started with; plain data. */
export interface WorkerArguments {
  /** The data directory. */
  readonly dir: string;
  /** True for the embedded policy. */
  readonly isEmbedded: boolean;
  /** Where the embedded policy listens. */
  readonly smtp: string;
  /** How long the log is kept at least, ms. */
  readonly keepLogMs: number;
  /** Of the program. */
  readonly version: string;
}

/** manager → worker, first of all. */
export interface BeginOrder {
  readonly kind: 'begin';
  readonly args: WorkerArguments;
}

/** manager → worker. */
export type WorkerOrder =
  | {
      readonly kind: 'use';
      readonly version: number;
      readonly reason: string;
      readonly epoch: number;
    }
  | { readonly kind: 'bump'; readonly epoch: number; readonly reason: string }
  | { readonly kind: 'beat'; readonly id: number; readonly counters: ManagerCounters }
  | { readonly kind: 'explain'; readonly id: number; readonly subject: Subject }
  | { readonly kind: 'hooks'; readonly id: number; readonly order: HookOrder }
  /** After `drainMs`, in which mail is still taken while health already says no. */
  | { readonly kind: 'stop'; readonly drainMs: number };

/** worker → manager. */
export type WorkerWord =
  | { readonly kind: 'using'; readonly version: number; readonly epoch: number }
  | { readonly kind: 'unusable'; readonly version: number; readonly sentence: string }
  | { readonly kind: 'alive'; readonly id: number }
  | {
      readonly kind: 'ready';
      readonly listeners: readonly string[];
      readonly httpListeners: readonly string[];
      /** What a newcomer may try next; only with the embedded policy. */
      readonly hint?: string;
    }
  | { readonly kind: 'bump-wanted'; readonly reason: string }
  /** The answer to `explain` or `hooks`, or the sentence that says why there is none. */
  | { readonly kind: 'answered'; readonly id: number; readonly answer: Told | HookAnswer | string }
  /** The last word of a worker that cannot go on; its exit code says the same. */
  | { readonly kind: 'ending'; readonly code: number; readonly sentence: string };

/** Who wants a version in force, and why. */
export interface ByHand {
  readonly by?: string;
  readonly cause?: string;
}

/** A tool's question at the control socket: one JSON object a line. */
export interface ControlRequest {
  readonly id: number;
  readonly do:
    | 'status'
    | 'policy.reload'
    | 'policy.bump'
    | 'policy.activate'
    | 'policy.rollback'
    | 'explain'
    | 'hooks'
    | 'erase'
    | 'stop';
  /** For `policy.activate`. */
  readonly version?: number;
  /** For `policy.activate` and `policy.rollback`. */
  readonly hand?: ByHand;
  /** For `policy.rollback`: only say which version it would be. */
  readonly isDryRun?: boolean;
  /** For `explain`. */
  readonly subject?: Subject;
  /** For `hooks`. */
  readonly order?: HookOrder;
  /** For `erase`. */
  readonly erasure?: ErasureOrder;
}

/** The manager's answer at the control socket. */
export type ControlReply =
  | { readonly id: number; readonly ok: true; readonly [name: string]: unknown }
  | { readonly id: number; readonly ok: false; readonly error: string };
