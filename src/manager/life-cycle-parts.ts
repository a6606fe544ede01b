/**
 * What the life cycle of the policy stands on and what it answers, as types: the policy file with
 * what judges it, the worker as far as versions concern it. Does nothing.
 */
import type { Refusal, Versioned } from './judging.ts';
import type { Wanted } from './supervisor-parts.ts';

/** What the life cycle tells to do. */
export interface WorkerControl {
  use(wanted: Wanted): Promise<void>;
  want(wanted: Wanted): void;
  bump(epoch: number, reason: string): Promise<void>;
  replace(reason: string): void;
}

/** What the life cycle stands on. */
export interface LifeCycleParts {
  /** Undefined for the embedded policy, which is part of the program and has no versions. */
  readonly policy: Versioned | undefined;
  readonly worker: WorkerControl;
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void;
  /** Told when a reload begins and when it is over, whatever came of it. */
  readonly reloading: (isOn: boolean) => void;
}

/** A version of the policy that workers are told to use. */
export interface InForce {
  readonly number: number;
  readonly hash: string;
  readonly settingsHash: string;
  /** False where its files do not say all, or nobody looked at them just now. */
  readonly isSelfContained?: boolean;
  /** How far the check of laws came, where there was one. */
  readonly held?: string;
  /** It comes back in place of the present one, which is taken back. */
  readonly isReturn?: boolean;
}

/** The version of a daemon that runs on the embedded policy. */
export const EMBEDDED_VERSION = 0;

/** The embedded policy as a version. */
export const EMBEDDED: InForce = { number: EMBEDDED_VERSION, hash: 'embedded', settingsHash: '' };

/** A version is in force. */
export interface Standing {
  readonly kind: 'activated' | 'unchanged';
  readonly version: number;
  readonly epoch: number;
  /** How far the check of laws came, where there was one. */
  readonly held?: string;
  /** What was in force before, where somebody chose the version by hand. */
  readonly from?: number;
  /** Which version the files on the disk are, where that is another one. */
  readonly onDisk?: number;
}

/** What came of a reload. */
export type Reloaded = Standing | Refusal;
