/**
 * The body store of production: files, and before them memory for what need not be written yet.
 * Deliberately unknown here: what is deferred, and when it is written.
 */
import { crc32 } from 'node:zlib';
import { LIMITS } from '../../domain/limits.ts';
import type { DeferringBodies } from '../deferred-bodies.ts';
import { deferBodies } from '../deferred-bodies.ts';
import type { BodiesOptions } from './bodies.ts';
import { openBodies } from './bodies.ts';

const sumOf = (chunks: readonly Buffer[]): number =>
  chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);

/** Opens the store with room in memory; rejects as `openBodies` does. */
export const openDeferringBodies = async (
  options: BodiesOptions,
  bytesMax = LIMITS.deferredBodyBytesMax,
): Promise<DeferringBodies> =>
  deferBodies(await openBodies(options), {
    bytesMax,
    sumOf,
    soon: (task) => process.nextTick(task),
  });
