/**
 * Loader and canary on a policy file, in a store that is thrown away: what `waybilld --validate`
 * and `waybill policy check` do. Nothing of a running daemon is touched. Prints nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCanary } from './canary.ts';
import { runLoader } from './loader.ts';

/** What came of it; without a sentence the policy may be put in force. */
export interface Validation {
  readonly sentence?: string;
  /** Which step refused it. */
  readonly step?: 'policy-loader' | 'canary';
  /** Every refusal; the sentence is about the first. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
}

/** Judges a policy file. */
export const validatePolicy = async (source: string): Promise<Validation> => {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-check-'));
  try {
    const loaded = await runLoader({ kind: 'load', source, reason: 'check', dir });
    if (loaded.kind === 'refused') {
      const { sentence, refusals = [sentence] } = loaded;
      return { sentence, step: 'policy-loader', refusals, warnings: [] };
    }
    const { number, warnings } = loaded;
    const proof = await runCanary({ kind: 'prove', number, dir });
    if (proof.kind === 'proved') return { refusals: [], warnings };
    const { sentence, refusals = [sentence] } = proof;
    return { sentence, step: 'canary', refusals, warnings };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
