/**
 * A thread on which a policy is simulated and held against the laws: the globals that a simulation
 * lends are this thread's alone, its memory is bounded, and a handler that never comes back holds
 * up nobody else. Does one job and says what came of it. Watches nothing itself.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { isPolicyError } from '../policy/policy-error.ts';
import type { TestPolicy } from '../testing/load-policy.ts';
import { loadCompiled, loadVersion } from '../testing/load-policy.ts';
import { checkPolicy, laws, tenantsKeepToTheirPools } from '../testing/testing.ts';
import { verdictOf } from '../testing/verdict.ts';
import type { LawJob, LawSearch, LawWord } from './law-jobs.ts';
import { createNoteWriter } from './policy-note.ts';

const note = createNoteWriter((workerData as { readonly memory: SharedArrayBuffer }).memory);
const tell = (word: LawWord): void => parentPort?.postMessage(word);

const ownSearch = ({ setup }: TestPolicy): LawSearch | undefined => {
  if (setup.lawGate === undefined) return undefined;
  const { budget, seed, tenants } = setup.lawGate;
  return { seconds: budget / 1_000, seed, tenants };
};

const run = async ({ policy: given, search: ordered }: LawJob): Promise<void> => {
  const policy = await (given.kind === 'file'
    ? loadCompiled(given, note)
    : loadVersion(given.version, note));
  const search = ordered ?? ownSearch(policy);
  tell({ kind: 'searching', search });
  if (search === undefined) return;
  const { tenants, ...options } = search;
  const isDeclared = Object.keys(tenants).length > 0;
  const judged = isDeclared ? [...laws, tenantsKeepToTheirPools(tenants)] : laws;
  let ran = 0;
  const checked = await checkPolicy(policy, {
    ...options,
    laws: judged,
    onRun: async (runs, isShrinking) => {
      ran = runs;
      tell({ kind: 'ran', runs, isShrinking });
      // What the policy left running, promises and timers, comes to light only between tasks.
      await breathe();
    },
    onFound: (counterexample, reached) => {
      const { seed } = search;
      const soFar = { seed, runs: ran, laws: judged, reached, counterexample };
      tell({ kind: 'found', verdict: verdictOf(soFar, policy) });
    },
    onAnswer: () => note(''),
  });
  tell({ kind: 'judged', verdict: verdictOf(checked, policy) });
};

/** A promise that nothing will ever settle must be found out as such: it keeps no thread alive. */
const HOLD_MS = 60_000;

parentPort?.once('message', async (job: LawJob) => {
  const hold = setInterval(() => {}, HOLD_MS);
  try {
    await run(job);
  } catch (error) {
    if (isPolicyError(error)) tell({ kind: 'refused', sentence: error.message });
    else tell({ kind: 'broke', stack: String(error instanceof Error ? error.stack : error) });
  } finally {
    clearInterval(hold);
  }
});
