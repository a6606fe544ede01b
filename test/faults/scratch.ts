/**
 * What every fault run needs besides the fault: a folder of its own, seeded chance, bounded
 * waiting, two hands.
 * The one idea: a run prints its seed, and the same seed draws the same faults again.
 * Deliberately unknown here: mail, daemons, disks.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Seeded chance. */
export interface Dice {
  /** A whole number from 0 up to but not including `bound`. */
  below(bound: number): number;
  /** One of the given things. */
  oneOf<T>(things: readonly T[]): T;
}

/** Chance by a 32-bit mixing counter (splitmix); good enough to place faults. */
export function makeDice(seed: number): Dice {
  let state = seed >>> 0;
  const draw = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(draw() * bound);
  return {
    below,
    oneOf<T>(things: readonly T[]): T {
      const chosen = things[below(things.length)];
      if (chosen === undefined) throw new Error('nothing to choose from');
      return chosen;
    },
  };
}

/** The seed of this run: `FAULT_SEED`, or the time. */
export function seedOfRun(): number {
  const given = process.env['FAULT_SEED'];
  return given === undefined ? Date.now() % 2 ** 31 : Number(given);
}

/** Whether every case shall run (`FAULT_CASES=all`), or a sample that a gate can wait for. */
export const isFullRun = (): boolean => process.env['FAULT_CASES'] === 'all';

const MEMORY_FOLDER = '/dev/shm';
const MEMORY_BYTES_MIN = 1024 ** 3;

/** Where scratch folders go: memory where there is room, since no run here ends with a real cut. */
function scratchRoot(): string {
  try {
    const space = statfsSync(MEMORY_FOLDER);
    if (space.bavail * space.bsize >= MEMORY_BYTES_MIN) return MEMORY_FOLDER;
  } catch {
    // No such folder on this machine; the disk serves as well, only slower.
  }
  return tmpdir();
}

/** A folder that `remove` takes away again; it is kept when `FAULT_KEEP` is set. */
export function makeScratch(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(scratchRoot(), `waybill-${name}-`));
  const isKept = process.env['FAULT_KEEP'] !== undefined;
  return {
    path,
    remove() {
      if (!isKept) rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Waits. */
export const pause = (waitMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, waitMs);
  });

/** Waits until `isTrue`, looking every few milliseconds; false when `waitMsMax` passed before. */
export async function until(isTrue: () => boolean, waitMsMax: number): Promise<boolean> {
  const end = performance.now() + waitMsMax;
  while (!isTrue()) {
    if (performance.now() > end) return false;
    await pause(5);
  }
  return true;
}

/** Runs `work` over all items, `hands` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  hands: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const hand = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: hands }, hand));
}
