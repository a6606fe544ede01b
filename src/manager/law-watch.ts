/**
 * Holds a policy against the laws on a thread of its own and watches over its time and memory. The
 * one idea: a policy that cannot be judged, because a handler does not come back or memory runs
 * out, ends in a sentence like any other mistake. Does not know what a law is.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../events/log-start.ts';
import { describeThrown, PolicyError } from '../policy/policy-error.ts';
import type { CheckVerdict } from '../testing/verdict.ts';
import type { LawJob, LawSearch, LawWord } from './law-jobs.ts';
import { createNoteMemory, createNoteReader } from './policy-note.ts';
import { findStuckEntry } from './policy-watch.ts';

/** The heap of the thread, and what the process may have more than before, buffers included. */
export const LAW_HEAP_MB_MAX = 1_024;
const LAW_BYTES_MAX = 2 * LAW_HEAP_MB_MAX * 1024 * 1024;

/** Time to load, and after both budgets: the run under way, and telling. */
const LOAD_MS_MAX = 30_000;
const LAST_RUN_MS_MAX = 30_000;
const LOOK_MS = 200;

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
export async function runLaws(job: LawJob, talk: LawTalk = {}): Promise<LawEnd> {
  const thread = new LawThread(job, talk);
  try {
    return await thread.ended;
  } finally {
    await thread.end();
  }
}

class LawThread {
  readonly ended: Promise<LawEnd>;
  readonly #job: LawJob;
  readonly #talk: LawTalk;
  readonly #memory = createNoteMemory();
  readonly #worker: Worker;
  readonly #bytesBefore = process.memoryUsage.rss();
  #timer: NodeJS.Timeout | undefined;
  #search: LawSearch | undefined;
  #runs = 0;
  #found: CheckVerdict | undefined;
  #leftMs = LOAD_MS_MAX;

  constructor(job: LawJob, talk: LawTalk) {
    this.#job = job;
    this.#talk = talk;
    this.#worker = startThread('./law-thread', import.meta.url, {
      workerData: { memory: this.#memory },
      resourceLimits: { maxOldGenerationSizeMb: LAW_HEAP_MB_MAX },
      // What the policy prints is no result.
      stdout: true,
    });
    this.#worker.stdout.pipe(process.stderr, { end: false });
    this.ended = new Promise((resolve, reject) => {
      this.#hear(resolve, reject);
      this.#watch(resolve);
    });
    this.#worker.postMessage(job);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#worker.stdout.unpipe(process.stderr);
    await this.#worker.terminate();
  }

  #hear(resolve: (end: LawEnd) => void, reject: (error: Error) => void): void {
    const { signal } = this.#talk;
    const stop = (): void => {
      resolve({ kind: 'stopped', runs: this.#runs, verdict: this.#found });
    };
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    this.#worker.on('message', (word: LawWord) => {
      if (word.kind === 'broke') reject(new Error(word.stack));
      const end = this.#heard(word);
      if (end !== undefined) resolve(end);
    });
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      const isFull = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const what = `ended the thread of the check: ${describeThrown(error)}`;
      resolve(isFull ? sayFull() : this.#say(what, 'correct the policy'));
    });
    this.#worker.on('exit', () => {
      resolve(this.#say('ended the process', 'remove process.exit'));
    });
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
      this.#leftMs = 2 * word.search.seconds * 1_000 + LAST_RUN_MS_MAX;
    } else if (word.kind === 'judged' && this.#search !== undefined) {
      return { ...word, search: this.#search };
    }
    return undefined;
  }

  #watch(resolve: (end: LawEnd) => void): void {
    const read = createNoteReader(this.#memory);
    let since = read();
    let stillMs = 0;
    // A look counts for its time, however late it comes: a machine that slept judges nobody.
    this.#timer = setInterval(() => {
      const note = read();
      stillMs = note.sequence === since.sequence ? stillMs + LOOK_MS : 0;
      since = note;
      this.#leftMs -= LOOK_MS;
      const isStuck = note.step !== '' && stillMs >= note.allowedMs;
      if (isStuck) {
        clearInterval(this.#timer);
        this.#sayStuck(`${note.step} did not end within ${note.allowedMs / 1_000} s`).then(
          resolve,
          () => {},
        );
      } else if (this.#leftMs <= 0) {
        resolve(this.#say('did not come to an end in time', 'look for a wait that never ends'));
      } else if (process.memoryUsage.rss() - this.#bytesBefore > LAW_BYTES_MAX) resolve(sayFull());
    }, LOOK_MS);
  }

  async #sayStuck(problem: string): Promise<LawEnd> {
    const { policy } = this.#job;
    const module = policy.kind === 'file' ? policy : policy.version;
    const place = await findStuckEntry(this.#worker, module);
    const fix = 'look for a loop or an endless wait there';
    return { kind: 'refused', sentence: new PolicyError(place, problem, fix).message };
  }

  #say(what: string, fix: string): LawEnd {
    const step = createNoteReader(this.#memory)().step || 'the check of the laws';
    return { kind: 'refused', sentence: new PolicyError('', `${step} ${what}`, fix).message };
  }
}

function sayFull(): LawEnd {
  const problem = `the check of the laws needed more than ${LAW_HEAP_MB_MAX} MiB`;
  const fix = 'look for what the policy keeps of each message, or of each question';
  return { kind: 'refused', sentence: new PolicyError('', problem, fix).message };
}
