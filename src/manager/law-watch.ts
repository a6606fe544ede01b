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

/** How much memory a check may take, in MiB. */
export interface LawMemory {
  /** The heap of the thread: all that is JavaScript. */
  readonly heap: number;
  /** What the process may have more than before: heap, and buffers, which lie beside it. */
  readonly growth: number;
}

const MIB = 1024 * 1024;
const MEMORY_MAX: LawMemory = { heap: 1_024, growth: 2_048 };

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
export async function runLaws(
  job: LawJob,
  talk: LawTalk = {},
  memory: LawMemory = MEMORY_MAX,
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
  readonly #job: LawJob;
  readonly #talk: LawTalk;
  readonly #bounds: LawMemory;
  readonly #memory = createNoteMemory();
  readonly #worker: Worker;
  readonly #bytesBefore = process.memoryUsage.rss();
  #timer: NodeJS.Timeout | undefined;
  #search: LawSearch | undefined;
  #runs = 0;
  #found: CheckVerdict | undefined;
  #leftMs = LOAD_MS_MAX;

  constructor(job: LawJob, talk: LawTalk, bounds: LawMemory) {
    this.#job = job;
    this.#talk = talk;
    this.#bounds = bounds;
    this.#worker = startThread('./law-thread', import.meta.url, {
      workerData: { memory: this.#memory },
      resourceLimits: { maxOldGenerationSizeMb: bounds.heap },
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
      resolve(isFull ? this.#sayHeapFull() : this.#say(what, 'correct the policy'));
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
      } else if (process.memoryUsage.rss() - this.#bytesBefore > this.#bounds.growth * MIB) {
        resolve(this.#sayGrown());
      }
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
    return refusal(`${step} ${what}`, fix);
  }

  #sayHeapFull(): LawEnd {
    const problem = `the check of the laws needed more than ${this.#bounds.heap} MiB of heap`;
    const fix =
      'look for a list, map or text of the policy that grows with each message or question';
    return refusal(problem, fix);
  }

  #sayGrown(): LawEnd {
    const { growth, heap } = this.#bounds;
    const problem = `the process of the check grew by more than ${growth} MiB`;
    const kept = 'look for Buffers and typed arrays that are kept';
    const fix = `its heap may have ${heap} of them, so ${kept}`;
    return refusal(problem, fix);
  }
}

const refusal = (problem: string, fix: string): LawEnd => ({
  kind: 'refused',
  sentence: new PolicyError('', problem, fix).message,
});
