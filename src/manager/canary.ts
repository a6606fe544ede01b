/**
 * The canary: starts from a candidate by its number, as a worker would, and proves it: setup and
 * listeners parse and their keys can be read, every pool and source resolves, each pool from queue
 * to path. It opens no listener, writes no store and changes nothing.
 */
import { openPolicyStore } from '../events/policy-store.ts';
import { sayRefusals } from '../policy/validate.ts';
import type { ProofVerdict, ProveOrder } from './messages.ts';
import type { PolicyThread } from './policy-watch.ts';
import { startPolicyThread } from './policy-watch.ts';

/** The verdict, with every refusal where there are several. */
export type FullProof = ProofVerdict & { readonly refusals?: readonly string[] };

/** Proves a version of the store of `order.dir`; throws only where the store fails. */
export const runCanary = async (
  { number, dir }: ProveOrder,
  given?: PolicyThread,
): Promise<FullProof> => {
  const store = openPolicyStore(dir, 'read');
  const thread = given ?? startPolicyThread();
  try {
    const version = store.find(number);
    if (version === undefined) {
      const sentence = `there is no version ${number} in the policy store`;
      return { kind: 'refused', number, sentence };
    }
    const { refusals } = await thread.run({ kind: 'prove', version, dir });
    const sentence = sayRefusals(refusals);
    if (sentence === undefined) return { kind: 'proved' };
    return { kind: 'refused', number, sentence, refusals };
  } finally {
    store.close();
    await thread.end();
  }
};
