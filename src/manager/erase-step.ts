/**
 * One erasure from lock to verdict: takes the data directory, carries the order out, gives the
 * directory back. What refuses an order, or cuts it short, is a sentence. Knows no process.
 */

import { AddressRefused } from '../erasing/addresses.ts';
import type { ErasureReport, ErasureWorld } from '../erasing/erase.ts';
import { eraseRecipients } from '../erasing/erase.ts';
import { ErasureRefused } from '../erasing/living.ts';
import type { ErasureOrder } from '../erasing/pending.ts';
import { readPending } from '../erasing/pending.ts';
import { lockDataDir } from '../events/data-lock.ts';
import { isNoRoom } from '../events/log-files.ts';
import { sayCause } from '../events/log-schema.ts';

/** A worker that has just ended lets go of its lock within this, ms. */
const LOCK_WAIT_MS = 5_000;

/** Which order, and where. */
export interface ErasureTask {
  readonly dir: string;
  readonly order: ErasureOrder;
}

/** What came of it. */
export type ErasureVerdict =
  | { readonly kind: 'erased'; readonly report: ErasureReport }
  | { readonly kind: 'refused' | 'failed'; readonly sentence: string };

/** Carries an order out; never rejects. */
export const runErasure = async (
  { dir, order }: ErasureTask,
  shown?: ErasureWorld['shown'],
): Promise<ErasureVerdict> => {
  try {
    const lock = await lockDataDir(dir, { waitMs: LOCK_WAIT_MS });
    try {
      const world = { now: () => Date.now(), ...(shown === undefined ? {} : { shown }) };
      return { kind: 'erased', report: await eraseRecipients(dir, order, world) };
    } finally {
      await lock.release();
    }
  } catch (error) {
    const isRefusal = error instanceof ErasureRefused || error instanceof AddressRefused;
    const sentence = sayWhy(error);
    if (isRefusal) return { kind: 'refused', sentence };
    const isBegun = readPending(dir) !== undefined;
    const after = isBegun ? '; when that is mended, finish it with waybill erase --resume' : '';
    return { kind: 'failed', sentence: `the erasure was cut short: ${sentence}${after}` };
  }
};

/** SQLite tells a full disk as one, or as a failing one; what helps is the same sentence. */
function sayWhy(error: unknown): string {
  const code = (error as { readonly code?: string }).code ?? '';
  const isRoom = isNoRoom(error) || /^SQLITE_(?:FULL|IOERR)/.test(code);
  const hint = ' (on a full disk: room for a copy of the largest segment is needed)';
  return `${sayCause(error)}${isRoom ? hint : ''}`;
}
