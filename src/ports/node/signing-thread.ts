/**
 * The program of a signing thread: answers every order once, in whatever order keys come in. An
 * order that cannot be followed is answered with why; only what is our own mistake ends the thread.
 * Deliberately unknown here: how many threads there are.
 */
import { parentPort } from 'node:worker_threads';
import { isSigningFault } from '../../dkim/fault.ts';
import { SigningDesk } from './signing-desk.ts';
import type { SigningJob, SigningWord } from './signing-messages.ts';

const say = (word: SigningWord): void => parentPort?.postMessage(word);

const desk = new SigningDesk({
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  warn: (sentence) => say({ kind: 'warning', sentence }),
});

const answer = async ({ id, chunks, signings }: SigningJob): Promise<void> => {
  try {
    const signed = desk.sign(chunks, signings);
    say({ kind: 'signed', id, lines: typeof signed === 'string' ? signed : await signed });
  } catch (error) {
    if (!isSigningFault(error)) throw error;
    say({ kind: 'refused', id, code: error.code, sentence: error.message });
  }
};

parentPort?.on('message', (job: SigningJob) => {
  answer(job).catch((error: unknown) => {
    // Thrown outside of the promise, it ends the thread and is seen by the pool.
    process.nextTick(() => {
      throw error;
    });
  });
});
