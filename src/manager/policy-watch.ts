/**
 * Runs a policy job on a thread of its own and watches over its time. The one idea: a part of the
 * policy that does not end is found out by the note it left, its line by asking the thread's engine
 * where it stands, and then the thread is ended; whoever called gets a sentence like for any other
 * mistake. Does not know what jobs do.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../events/log-start.ts';
import { createEntryFinder } from '../policy/load-module.ts';
import { describeThrown, PolicyError } from '../policy/policy-error.ts';
import type { JobResult, PolicyJob } from './policy-jobs.ts';
import type { Note } from './policy-note.ts';
import { createNoteMemory, createNoteReader } from './policy-note.ts';
import { findStuckPlaces } from './stuck-place.ts';

/** How often the note is looked at; a look counts for this much time, however late it comes. */
const LOOK_MS = 100;
/** Time for one job in all: many steps, each within its time, must end, too. */
const JOB_MS_MAX = 25_000;
/** Time for asking about all that lives: a million questions. */
const ASK_MS_MAX = 300_000;

/** A thread that waits for its one job. */
export interface PolicyThread {
  run(job: PolicyJob): Promise<JobResult>;
  end(): Promise<void>;
}

const refusedWith = (sentence: string): JobResult => ({ refusals: [sentence], warnings: [] });

const mapOf = (job: PolicyJob): { source: string; map: string } =>
  job.kind === 'load' ? job : job.version;

/** Where the operator's code loops, as far as it can be found out: else its file. */
export const findStuckEntry = async (
  worker: Worker,
  { source, map }: { readonly source: string; readonly map: string },
): Promise<string> => {
  const findEntry = createEntryFinder(source, map);
  const places = await findStuckPlaces(worker.threadId, (url) => url.includes('.mjs?')).catch(
    () => [],
  );
  for (const { line, column } of places) {
    const found = findEntry(line, column);
    if (found !== undefined) return found;
  }
  return source;
};

/** Where in the operator's files the stack of what was thrown begins; undefined: not in them. */
export const findEntryOf = (
  thrown: unknown,
  { source, map }: { readonly source: string; readonly map: string },
): string | undefined => {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const findEntry = createEntryFinder(source, map);
  for (const [, line, column] of stack.matchAll(/\.mjs\?[^:\s]*:(\d+):(\d+)/g)) {
    const found = findEntry(Number(line) - 1, Number(column) - 1);
    if (found !== undefined) return found;
  }
  return undefined;
};

const sayStuck = async (worker: Worker, job: PolicyJob, note: Note): Promise<JobResult> => {
  const place = await findStuckEntry(worker, mapOf(job));
  const problem = `${note.step} did not end within ${note.allowedMs / 1000} s`;
  return refusedWith(
    new PolicyError(place, problem, 'look for a loop or an endless wait there').message,
  );
};

class WatchedThread implements PolicyThread {
  readonly #memory = createNoteMemory();
  readonly #worker: Worker;
  #ended: Promise<unknown> | undefined;

  constructor() {
    this.#worker = startThread('./policy-thread', import.meta.url, {
      workerData: { memory: this.#memory },
    });
    // A spare that waits for its job keeps no process alive.
    this.#worker.unref();
  }

  async run(job: PolicyJob): Promise<JobResult> {
    this.#worker.ref();
    const reply = this.#hear();
    const watch = this.#watch(job);
    this.#worker.postMessage(job);
    try {
      return await Promise.race([reply, watch.stuck]);
    } finally {
      watch.stop();
      await this.end();
    }
  }

  async end(): Promise<void> {
    this.#ended ??= this.#worker.terminate();
    await this.#ended;
  }

  #hear(): Promise<JobResult> {
    return new Promise((resolve) => {
      this.#worker.once('message', (result: JobResult) => resolve(result));
      this.#worker.once('error', (error) => {
        const step = createNoteReader(this.#memory)().step || 'the policy';
        const problem = `${step} ended its thread: ${describeThrown(error)}`;
        resolve(refusedWith(new PolicyError('', problem, 'correct the policy').message));
      });
      this.#worker.once('exit', () => {
        const step = createNoteReader(this.#memory)().step || 'the policy';
        const problem = `${step} ended the process`;
        resolve(refusedWith(new PolicyError('', problem, 'remove process.exit').message));
      });
    });
  }

  #watch(job: PolicyJob): { stuck: Promise<JobResult>; stop: () => void } {
    const read = createNoteReader(this.#memory);
    let timer: NodeJS.Timeout | undefined;
    const stuck = new Promise<JobResult>((resolve) => {
      let since = read();
      let stillMs = 0;
      let jobMs = 0;
      const isLong = job.kind === 'ask' || job.kind === 'replay';
      const jobMsMax = isLong ? ASK_MS_MAX : JOB_MS_MAX;
      timer = setInterval(() => {
        const note = read();
        stillMs = note.sequence === since.sequence ? stillMs + LOOK_MS : 0;
        jobMs += LOOK_MS;
        since = note;
        const isStuck = note.step !== '' && stillMs >= note.allowedMs;
        if (!isStuck && jobMs < jobMsMax) return;
        clearInterval(timer);
        const allowedMs = isStuck ? note.allowedMs : jobMsMax;
        sayStuck(this.#worker, job, { ...note, allowedMs }).then(resolve, () => {});
      }, LOOK_MS);
    });
    return { stuck, stop: () => clearInterval(timer) };
  }
}

/** Starts a thread that waits for its one job. */
export const startPolicyThread = (): PolicyThread => new WatchedThread();
