/**
 * Time for readers of the log, who each wait for their own: batches, back-off, cursors.
 * The one idea: one port for reading and for waiting, so that a seeded world can stand in.
 * Deliberately unknown here: who waits, and the one alarm of the engine (ports.ts).
 */
import type { At, Ms } from './ports.ts';

/** Reading time and waiting for it. */
export interface Timers {
  /** Wall time, ms since 1970. */
  now(): At;
  /** A steady reading for spans, ms; its origin means nothing. */
  steadyMs(): Ms;
  /** Runs `task` once after `waitMs`, never before this call returns; answers how to cancel. */
  after(waitMs: Ms, task: () => void): () => void;
}
