/**
 * What a worker's keeper is told and tells, as types: what its worker is to run with, how a life
 * ended, and whoever decides about versions. Does nothing.
 */
import type { Exit } from './exit.ts';
import type { ManagerCounters, WorkerWord } from './messages.ts';

/** What a worker is to run with. */
export interface Wanted {
  readonly version: number;
  readonly reason: string;
  readonly epoch: number;
}

/** How a life ended that was not told to. */
export interface Crash {
  readonly version: number | undefined;
  readonly sentence: string;
  /** It hung; in which handler of the policy, or '' when it was in none. */
  readonly hungIn: string | undefined;
}

/** Whoever decides about versions. */
export interface SupervisorHost {
  ready(word: WorkerWord & { readonly kind: 'ready' }): void;
  using(version: number, epoch: number): void;
  bumpWanted(reason: string): void;
  /** May call `want` before the next life begins. */
  crashed(crash: Crash): void;
  /** The daemon cannot go on. */
  hopeless(exit: Exit): void;
  counters(): ManagerCounters;
  log(level: 'info' | 'warn' | 'error', text: string): void;
}
