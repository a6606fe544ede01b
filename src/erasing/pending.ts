/**
 * The note of an erasure that is under way: the only place where its addresses stand while it runs,
 * so that one that was cut short can be taken up again. It goes with the last step.
 * Deliberately unknown here: what the steps are.
 */
import { join } from 'node:path';
import { dropNote, readNote, syncDir, writeDurably } from '../events/log-files.ts';

/** The name of the note in a data directory. */
export const PENDING_NAME = 'erasing.json';

/** An order of erasure. */
export interface ErasureOrder {
  /** A UUID. */
  readonly id: string;
  readonly addresses: readonly string[];
  /** Who wants it, and why: on record. */
  readonly by: string;
  readonly cause: string;
}

/** The order that was begun and not finished; undefined where there is none. */
export const readPending = (dir: string): ErasureOrder | undefined => {
  const text = readNote(join(dir, PENDING_NAME));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ErasureOrder;
  } catch {
    throw new Error(`${PENDING_NAME} in ${dir} is damaged: remove it, and give the order again`);
  }
};

/** Notes an order, durably. */
export const notePending = (dir: string, order: ErasureOrder): void =>
  writeDurably(join(dir, PENDING_NAME), `${JSON.stringify(order)}\n`);

/** The order is through, or was refused. */
export const dropPending = (dir: string): void => {
  dropNote(join(dir, `${PENDING_NAME}.new`));
  dropNote(join(dir, PENDING_NAME));
  syncDir(dir);
};
