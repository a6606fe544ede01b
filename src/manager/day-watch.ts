/**
 * Simulates a day of mail on a thread of its own and watches over it. The one idea: a policy that
 * cannot be simulated ends in a sentence, like one that the loader refuses. Knows no terminal.
 */
import type { DayReport } from '../testing/testing.ts';
import { TrafficError } from '../testing/testing.ts';
import type { DayJob, DayWord } from './day-jobs.ts';
import { STOP } from './day-jobs.ts';
import { PolicyWork } from './policy-work.ts';

/** How it ended. */
export type DayEnd =
  | { readonly kind: 'reported'; readonly report: DayReport }
  | { readonly kind: 'refused'; readonly sentences: readonly string[] };

/** Who listens meanwhile. */
export interface DayTalk {
  readonly onLoaded?: (warnings: readonly string[]) => void;
  readonly onProgress?: (doneMs: number, submitted: number) => void;
  /** Ends the day early; the report is then of the time that was over. */
  readonly signal?: AbortSignal;
}

/** Simulates; throws a TrafficError, and where the kit itself breaks. */
export async function runDay(job: DayJob, talk: DayTalk = {}): Promise<DayEnd> {
  let work: PolicyWork<DayWord> | undefined;
  try {
    return await new Promise<DayEnd>((resolve, reject) => {
      const heard = (word: DayWord): void => {
        if (word.kind === 'loaded') {
          talk.onLoaded?.(word.warnings);
          if (word.refusals.length > 0) resolve({ kind: 'refused', sentences: word.refusals });
        } else if (word.kind === 'progress') talk.onProgress?.(word.doneMs, word.submitted);
        else if (word.kind === 'reported') resolve(word);
        else if (word.kind === 'refused') resolve(refused(word.sentence));
        else if (word.kind === 'wanting') reject(new TrafficError(word.problems));
        else reject(new Error(word.stack));
      };
      work = new PolicyWork<DayWord>({
        thread: './day-thread',
        base: import.meta.url,
        name: 'the simulation',
        policy: job.policy,
        job,
        heard,
        refused: (sentence) => resolve(refused(sentence)),
      });
      if (talk.signal?.aborted === true) work.tell(STOP);
      talk.signal?.addEventListener('abort', () => work?.tell(STOP), { once: true });
    });
  } finally {
    await work?.end();
  }
}

const refused = (sentence: string): DayEnd => ({ kind: 'refused', sentences: [sentence] });
