/**
 * The policy file of a command that simulates, compiled and not run: that is for a thread.
 * Knows nothing of what is done with it.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LawFile } from '../manager/law-jobs.ts';
import { compilePolicy } from '../policy/compile.ts';
import { CommandFailure, explain } from './terminal.ts';

/** Compiles a policy file; throws a PolicyError where it is wrong. */
export const compileFile = async (file: string): Promise<LawFile> => {
  await stat(file).catch((error: unknown) => {
    throw new CommandFailure(`${file}: ${explain(error)}`);
  });
  const source = resolve(file);
  return { kind: 'file', file, source, ...(await compilePolicy(source)) };
};
