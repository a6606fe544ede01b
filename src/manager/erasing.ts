/**
 * Erasures of a running daemon: while the worker is away, a process of its own takes its place at
 * the data, does the work and says what came of it. When its manager is gone it ends at once, and
 * the order can be taken up again. Does not know how anything is erased.
 */
import type { ErasureReport } from '../erasing/erase.ts';
import type { ErasureOrder } from '../erasing/pending.ts';
import { programBeside, SpareChild } from './child.ts';
import type { ErasureVerdict } from './erase-step.ts';

/** Carries out an order in a data directory that nobody uses just now. */
export type Erase = (dir: string, order: ErasureOrder) => Promise<ErasureReport>;

const unpack = (verdict: ErasureVerdict): ErasureReport => {
  if (verdict.kind === 'erased') return verdict.report;
  throw new Error(verdict.sentence);
};

/** In a process of its own. */
export const eraseApart: Erase = (dir, order) =>
  new Promise((resolve, reject) => {
    const spare = new SpareChild(programBeside(import.meta.url, 'erase-process'));
    const child = spare.take({
      heard: (message) => {
        try {
          resolve(unpack(message as ErasureVerdict));
        } catch (error) {
          reject(error as Error);
        }
      },
      ended: ({ code, signal }) => {
        const how = signal === null ? `with code ${code}` : `by ${signal}`;
        reject(new Error(`the erasure ended ${how}: finish it with waybill erase --resume`));
      },
    });
    child.send({ dir, order });
  });

/** In this process, for a daemon that is a single one. */
export const eraseHere: Erase = async (dir, order) => {
  const { runErasure } = await import('./erase-step.ts');
  return unpack(await runErasure({ dir, order }));
};
