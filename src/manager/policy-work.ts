/**
 * Work that runs an operator's policy on a thread of its own, watched over in time and memory. The
 * one idea: a policy that loops, ends the process, or fills memory ends in a sentence like any
 * other mistake, and whoever asked for the work lives on. Does not know what is done there.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../events/log-start.ts';
import { PolicyError } from '../policy/policy-error.ts';
import type { LawFile, LawVersion } from './law-jobs.ts';
import { describeLeft } from './left-running.ts';
import { createNoteMemory, createNoteReader } from './policy-note.ts';
import { findEntryOf, findStuckEntry } from './policy-watch.ts';

/** How much memory the work may take, in MiB. */
export interface WorkMemory {
  /** The heap of the thread: all that is JavaScript. */
  readonly heap: number;
  /** What the process may have more than before: heap, and buffers, which lie beside it. */
  readonly growth: number;
}

/** What is to be done, and within which bounds. */
export interface WorkOrder<W> {
  /** The module of the thread, as `startThread` takes it, and of whoever asks. */
  readonly thread: string;
  readonly base: string;
  /** What it is called in sentences: 'the check of the laws'. */
  readonly name: string;
  readonly policy: LawFile | LawVersion;
  readonly memory?: WorkMemory;
  /** The first message; what the thread says comes back by `heard`. */
  readonly job: unknown;
  readonly heard: (word: W) => void;
  /** It cannot go on, for a reason that is the policy's. */
  readonly refused: (sentence: string) => void;
}

const MIB = 1024 * 1024;
const LOOK_MS = 200;

/** A thread at work. */
export class PolicyWork<W> {
  /** Time that is left for all of it; whoever asks may set it. */
  leftMs = Number.POSITIVE_INFINITY;
  readonly #order: WorkOrder<W>;
  readonly #note = createNoteMemory();
  readonly #worker: Worker;
  readonly #bytesBefore = process.memoryUsage.rss();
  #timer: NodeJS.Timeout | undefined;

  constructor(order: WorkOrder<W>) {
    this.#order = order;
    const { thread, base, memory, job } = order;
    this.#worker = startThread(thread, base, {
      workerData: { memory: this.#note },
      ...(memory === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memory.heap } }),
      // What the policy prints is no result.
      stdout: true,
    });
    this.#worker.stdout.pipe(process.stderr, { end: false });
    this.#hear();
    this.#watch();
    this.#worker.postMessage(job);
  }

  tell(word: unknown): void {
    this.#worker.postMessage(word);
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#worker.stdout.unpipe(process.stderr);
    await this.#worker.terminate();
  }

  #hear(): void {
    const { heard } = this.#order;
    this.#worker.on('message', heard);
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') return this.#sayHeapFull();
      this.#order.refused(describeLeft(findEntryOf(error, this.#module) ?? '', error));
    });
    this.#worker.on('exit', () => this.#say('ended the process', 'remove process.exit'));
  }

  get #module() {
    const { policy } = this.#order;
    return policy.kind === 'file' ? policy : policy.version;
  }

  #watch(): void {
    const { memory } = this.#order;
    const read = createNoteReader(this.#note);
    let since = read();
    let stillMs = 0;
    // A look counts for its time, however late it comes: a machine that slept judges nobody.
    this.#timer = setInterval(() => {
      const note = read();
      stillMs = note.sequence === since.sequence ? stillMs + LOOK_MS : 0;
      since = note;
      this.leftMs -= LOOK_MS;
      const isStuck = note.step !== '' && stillMs >= note.allowedMs;
      if (isStuck) {
        clearInterval(this.#timer);
        void this.#sayStuck(`${note.step} did not end within ${note.allowedMs / 1_000} s`);
      } else if (this.leftMs <= 0) {
        this.#say('did not come to an end in time', 'look for a wait that never ends');
      } else if (
        memory !== undefined &&
        process.memoryUsage.rss() - this.#bytesBefore > memory.growth * MIB
      ) {
        this.#sayGrown(memory);
      }
    }, LOOK_MS);
  }

  #refuse(place: string, problem: string, fix: string): void {
    this.#order.refused(new PolicyError(place, problem, fix).message);
  }

  async #sayStuck(problem: string): Promise<void> {
    const place = await findStuckEntry(this.#worker, this.#module);
    this.#refuse(place, problem, 'look for a loop or an endless wait there');
  }

  #say(what: string, fix: string): void {
    const { step } = createNoteReader(this.#note)();
    this.#refuse(
      step === '' ? '' : this.#module.source,
      `${step || this.#order.name} ${what}`,
      fix,
    );
  }

  #sayHeapFull(): void {
    const { memory, name } = this.#order;
    const most =
      memory === undefined ? 'all the heap there is' : `more than ${memory.heap} MiB of heap`;
    const fix =
      'look for a list, map or text of the policy that grows with each message or question';
    this.#refuse('', `${name} needed ${most}`, fix);
  }

  #sayGrown({ growth, heap }: WorkMemory): void {
    const problem = `the process of the check grew by more than ${growth} MiB`;
    const kept = 'look for Buffers and typed arrays that are kept';
    this.#refuse('', problem, `its heap may have ${heap} of them, so ${kept}`);
  }
}
