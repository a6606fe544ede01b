/**
 * From a policy file to a policy value, in one step and without a store: what tests and tools need.
 * It opens no listener, asks no question, prepares nothing, and does not bound the time a policy
 * takes.
 */
import { randomBytes } from 'node:crypto';
import { compilePolicy } from './compile.ts';
import { createDiskWorld } from './load-files.ts';
import type { ImportedPolicy } from './load-module.ts';
import { importPolicy } from './load-module.ts';

/** A policy that may be asked. */
export interface LoadedPolicy extends ImportedPolicy {
  /** Names the compiled module. */
  readonly hash: string;
}

/** Loads a policy file and keeps the compiled module in `outDir`; throws PolicyError. */
export const loadPolicy = async (source: string, outDir: string): Promise<LoadedPolicy> => {
  const { code, map, hash } = await compilePolicy(source);
  const { world } = createDiskWorld(source);
  // Named by chance, because its data files may have changed while its code did not.
  const tag = `load=${randomBytes(6).toString('hex')}`;
  const imported = await importPolicy({ code, map, source, outDir, tag, world });
  return { ...imported, hash };
};
