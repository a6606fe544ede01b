/**
 * The process of a worker, forked and not yet told to begin: whoever needs one need not wait until
 * it has read its program. Small on purpose, since the daemon forks before it reads its own.
 */
import { programBeside, SpareChild } from './child.ts';

/**
 * Size of the old heap, MiB, below which V8 does not collect all of it. Bodies on their way count
 * as heap though they lie outside: a small heap was walked through whole for every 17 MB of mail.
 */
const OLD_MIB = 256;

/**
 * What a worker tells V8. Room for young objects stays at V8's 16 MiB: the more there is, the
 * longer the main thread stands still each time what lives in it is copied.
 */
export const WORKER_FLAGS: readonly string[] = [`--initial-old-space-size=${OLD_MIB}`];

/** Forks a worker that waits. */
export const forkWorker = (): SpareChild =>
  new SpareChild(programBeside(import.meta.url, 'worker-process'), WORKER_FLAGS);
