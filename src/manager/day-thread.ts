/**
 * A thread on which a day of mail is simulated: a handler that never comes back holds up nobody
 * else, and what the policy prints is no part of a report. Does one job and says what came of it.
 * Watches nothing itself.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { isPolicyError } from '../policy/policy-error.ts';
import { loadCompiled } from '../testing/load-policy.ts';
import { simulateDay, TrafficError } from '../testing/testing.ts';
import { Reached, watchPolicy } from '../testing/watching.ts';
import type { DayJob, DayWord } from './day-jobs.ts';
import { STOP } from './day-jobs.ts';
import { createNoteWriter } from './policy-note.ts';
import { linesOf } from './traffic-lines.ts';

const note = createNoteWriter((workerData as { readonly memory: SharedArrayBuffer }).memory);
const tell = (word: DayWord): void => parentPort?.postMessage(word);
const stopping = new AbortController();

const run = async ({ policy: file, traffic, ...order }: DayJob): Promise<void> => {
  const policy = await loadCompiled(file, note);
  const { warnings, refusals } = policy;
  tell({ kind: 'loaded', warnings, refusals });
  if (refusals.length > 0) return;
  const reached = new Reached();
  reached.answered = () => note('');
  const report = await simulateDay({
    ...order,
    policy: { ...policy, policy: watchPolicy(policy.policy, reached) },
    open: () => linesOf(traffic),
    signal: stopping.signal,
    onProgress: async (doneMs, submitted) => {
      tell({ kind: 'progress', doneMs, submitted });
      // The order to stop, and what the policy left running, want their turn.
      await breathe();
    },
  });
  // A promise that failed and that nobody waits for ends the thread before the report is told.
  await breathe();
  tell({ kind: 'reported', report });
};

/** A promise that nothing will ever settle must be found out as such: it keeps no thread alive. */
const HOLD_MS = 60_000;

parentPort?.on('message', async (job: DayJob | typeof STOP) => {
  if (job === STOP) return stopping.abort();
  const hold = setInterval(() => {}, HOLD_MS);
  try {
    await run(job);
  } catch (error) {
    if (isPolicyError(error)) tell({ kind: 'refused', sentence: error.message });
    else if (error instanceof TrafficError) tell({ kind: 'wanting', problems: error.problems });
    else tell({ kind: 'broke', stack: String(error instanceof Error ? error.stack : error) });
  } finally {
    clearInterval(hold);
  }
});
