/**
 * Holds a policy against the laws on a thread of its own and watches over its time and memory. The
 * one idea: a policy that cannot be judged, because a handler does not come back or memory runs
 * out, ends in a sentence like any other mistake. Does not know what a law is.
 */
import type { CheckVerdict } from '../testing/verdict.ts';
import type { LawJob, LawSearch, LawWord } from './law-jobs.ts';
import type { WorkMemory } from './policy-work.ts';
import { PolicyWork } from './policy-work.ts';

const MEMORY_MAX: WorkMemory = { heap: 1_024, growth: 2_048 };

/** Time to load, and after both budgets: the run under way, and telling. */
const LOAD_MS_MAX = 30_000;
const LAST_RUN_MS_MAX = 30_000;

/** How it ended. */
export type LawEnd =
  | { readonly kind: 'judged'; readonly verdict: CheckVerdict; readonly search: LawSearch }
  /** The policy asks for no check. */
  | { readonly kind: 'free' }
  | { readonly kind: 'refused'; readonly sentence: string }
  /** By whoever asked; with what was found by then, and perhaps not made as small as it gets. */
  | { readonly kind: 'stopped'; readonly runs: number; readonly verdict: CheckVerdict | undefined };

/** Who listens meanwhile. */
export interface LawTalk {
  readonly onRun?: (runs: number, isShrinking: boolean) => void;
  /** Ends it without a verdict. */
  readonly signal?: AbortSignal;
}

/** Judges; throws only where the kit itself breaks. */
export async function runLaws(
  job: LawJob,
  talk: LawTalk = {},
  memory: WorkMemory = MEMORY_MAX,
): Promise<LawEnd> {
  const thread = new LawThread(job, talk, memory);
  try {
    return await thread.ended;
  } finally {
    await thread.end();
  }
}

class LawThread {
  readonly ended: Promise<LawEnd>;
  readonly #talk: LawTalk;
  readonly #work: PolicyWork<LawWord>;
  #search: LawSearch | undefined;
  #runs = 0;
  #found: CheckVerdict | undefined;

  constructor(job: LawJob, talk: LawTalk, memory: WorkMemory) {
    this.#talk = talk;
    let resolve: (end: LawEnd) => void = () => {};
    let reject: (error: Error) => void = () => {};
    this.ended = new Promise((good, bad) => {
      resolve = good;
      reject = bad;
    });
    this.#work = new PolicyWork<LawWord>({
      thread: './law-thread',
      base: import.meta.url,
      name: 'the check of the laws',
      policy: job.policy,
      memory,
      job,
      heard: (word) => {
        if (word.kind === 'broke') reject(new Error(word.stack));
        const end = this.#heard(word);
        if (end !== undefined) resolve(end);
      },
      refused: (sentence) => resolve({ kind: 'refused', sentence }),
    });
    this.#work.leftMs = LOAD_MS_MAX;
    const { signal } = talk;
    const stop = (): void => {
      resolve({ kind: 'stopped', runs: this.#runs, verdict: this.#found });
    };
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
  }

  end(): Promise<void> {
    return this.#work.end();
  }

  #heard(word: LawWord): LawEnd | undefined {
    if (word.kind === 'refused') return word;
    if (word.kind === 'ran') {
      this.#runs = word.runs;
      this.#talk.onRun?.(word.runs, word.isShrinking);
    } else if (word.kind === 'found') this.#found = word.verdict;
    else if (word.kind === 'searching') {
      this.#search = word.search;
      if (word.search === undefined) return { kind: 'free' };
      this.#work.leftMs = 2 * word.search.seconds * 1_000 + LAST_RUN_MS_MAX;
    } else if (word.kind === 'judged' && this.#search !== undefined) {
      return { ...word, search: this.#search };
    }
    return undefined;
  }
}
