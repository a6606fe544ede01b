/**
 * The process of a worker, forked and not yet told to begin: whoever needs one need not wait until
 * it has read its program. Small on purpose, since the daemon forks before it reads its own.
 */
import { programBeside, SpareChild } from './child.ts';

/**
 * Room for young objects, MiB. A start unpacks a million rows and traffic makes many short-lived
 * objects; with V8's 16 MiB they are copied about instead of dying young.
 */
const YOUNG_MIB = 64;
/**
 * Size of the old heap, MiB, below which V8 does not collect all of it. Bodies on their way count
 * as heap though they lie outside: a small heap was walked through whole for every 17 MB of mail.
 */
const OLD_MIB = 256;

/** Forks a worker that waits. */
export const forkWorker = (): SpareChild =>
  new SpareChild(programBeside(import.meta.url, 'worker-process'), [
    `--max-semi-space-size=${YOUNG_MIB}`,
    `--initial-old-space-size=${OLD_MIB}`,
  ]);
