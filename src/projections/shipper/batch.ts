/**
 * How many records go at a time, and when: pure arithmetic over counts, bytes and ages.
 * Deliberately unknown here: clocks, the records themselves, rates.
 */
import type { Ms } from '../../ports/ports.ts';
import type { HookBatching } from '../hook.ts';

/** Bytes of text a batch may have; a record larger than this goes alone. */
export const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** How many of the records with these sizes, from the first on, make the next batch. */
export function cutBatch(
  sizes: ArrayLike<number>,
  from: number,
  countMax: number,
  bytesMax = BATCH_BYTES_MAX,
): number {
  const end = Math.min(sizes.length, from + countMax);
  let bytes = sizes[from] ?? 0;
  let at = from + 1;
  while (at < end) {
    bytes += sizes[at] as number;
    if (bytes > bytesMax) break;
    at += 1;
  }
  return Math.min(at, end) - from;
}

/** Records that make a batch worth sending at once. */
export const enoughOf = ({ batchSize, minBatchSize }: HookBatching): number =>
  Math.max(1, Math.min(minBatchSize, batchSize));

/** How long `count` records wait for company, the first of them there for `ageMs`; 0: they go. */
export function fillWaitMs(batching: HookBatching, count: number, ageMs: Ms): Ms {
  if (count >= enoughOf(batching)) return 0;
  return Math.max(0, batching.maxBatchLatencyMs - ageMs);
}
