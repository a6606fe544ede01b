/**
 * This side of the press: gives the thread one piece of work at a time and waits for it, so that
 * what breaks the thread, or takes too long, is known by name. The idea: rendering is told again
 * as often as needed, so after a broken thread every other request goes on where it stood.
 * Deliberately unknown here: what is rendered.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../events/log-start.ts';
import { PRESS_MS_MAX, PRESS_START_MS_MAX, THREAD_HEAP_MB_MAX } from './limits.ts';
import type { OpenedRequest, Printed } from './press.ts';
import type { FromPress, ToPress } from './press-words.ts';
import { RequestBroke, RequestRefused } from './request.ts';

/** A request that is on the press. */
export interface PressJob {
  readonly opened: OpenedRequest;
  /** Messages from recipient `from` on, dated `at`; rejects with RequestRefused. */
  print(from: number, at: number): Promise<readonly Printed[]>;
  /** The recipients from `from` on. */
  names(from: number): Promise<readonly string[]>;
  close(): void;
}

/** Who has requests read and rendered. */
export interface Presses {
  /** Rejects with RequestRefused. */
  open(bytes: Uint8Array): Promise<PressJob>;
  stop(): Promise<void>;
}

type Answer = Exclude<FromPress, { readonly kind: 'ready' }>;
type Asking = Extract<ToPress, { readonly kind: 'open' | 'print' | 'name' }>;

interface Thread {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  /** Jobs that it has read. */
  readonly jobs: Set<number>;
  answer: ((answer: Answer) => void) | undefined;
  fail: (why: string) => void;
}

const TOO_LONG = `took longer than ${PRESS_MS_MAX / 1000} s to render`;
const TOO_MUCH = 'needs more memory to render than there is';

class BrokenThread extends Error {}

class Desk implements Presses {
  #thread: Thread | undefined;
  #line: Promise<unknown> = Promise.resolve();
  #lastJob = 0;
  #isStopped = false;

  async open(given: Uint8Array): Promise<PressJob> {
    const job = ++this.#lastJob;
    // Shared, so that another thread can be given it without a copy.
    const bytes = new Uint8Array(new SharedArrayBuffer(given.length));
    bytes.set(given);
    const answer = await this.#ask({ kind: 'open', job, bytes }, bytes);
    if (answer.kind !== 'opened') throw refusalOf(answer);
    return {
      opened: answer.opened,
      print: async (from, at) => {
        const printed = await this.#ask({ kind: 'print', job, from, at }, bytes);
        if (printed.kind !== 'printed') throw refusalOf(printed);
        return printed.slice;
      },
      names: async (from) => {
        const named = await this.#ask({ kind: 'name', job, from }, bytes);
        if (named.kind !== 'named') throw refusalOf(named);
        return named.emails;
      },
      close: () => {
        if (this.#thread?.jobs.delete(job) !== true) return;
        this.#thread.worker.postMessage({ kind: 'close', job } satisfies ToPress);
      },
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const thread = this.#thread;
    this.#thread = undefined;
    thread?.fail('stopped');
    await thread?.worker.terminate();
  }

  /** One after the other: whoever is being served when the thread breaks is to blame. */
  #ask(word: Asking, bytes: Uint8Array): Promise<Answer> {
    const asked = this.#line.then(() => this.#serve(word, bytes));
    this.#line = asked.catch(() => {});
    return asked;
  }

  async #serve(word: Asking, bytes: Uint8Array): Promise<Answer> {
    if (this.#isStopped) throw new RequestRefused(503, 'the service is stopping');
    try {
      const thread = await this.#demandThread();
      if (word.kind !== 'open' && !thread.jobs.has(word.job)) {
        const answer = await this.#say(thread, { kind: 'open', job: word.job, bytes });
        if (answer.kind !== 'opened') return answer;
      }
      return await this.#say(thread, word);
    } catch (error) {
      if (!(error instanceof BrokenThread)) throw error;
      const status = this.#isStopped ? 503 : 422;
      throw new RequestBroke(status, `the content ${error.message}`);
    }
  }

  async #say(thread: Thread, word: Asking): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<Answer>((resolve, reject) => {
      thread.answer = resolve;
      thread.fail = (why) => reject(new BrokenThread(why));
      timer = setTimeout(() => this.#drop(thread, TOO_LONG), PRESS_MS_MAX);
    });
    thread.worker.postMessage(word);
    try {
      const answer = await answered;
      if (answer.kind === 'opened') thread.jobs.add(answer.job);
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #drop(thread: Thread, why: string): void {
    if (this.#thread === thread) this.#thread = undefined;
    thread.fail(why);
    void thread.worker.terminate();
  }

  async #demandThread(): Promise<Thread> {
    this.#thread ??= this.#begin();
    await this.#thread.ready;
    return this.#thread;
  }

  #begin(): Thread {
    const worker = startThread('./press-thread', import.meta.url, {
      name: 'press',
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB_MAX },
    });
    let timer: NodeJS.Timeout | undefined;
    let isReady = (): void => {};
    const thread: Thread = {
      worker,
      jobs: new Set(),
      answer: undefined,
      fail: () => {},
      ready: new Promise((resolve, reject) => {
        isReady = resolve;
        worker.once('exit', () => reject(new Error('the thread that renders does not start')));
        timer = setTimeout(() => void worker.terminate(), PRESS_START_MS_MAX);
      }),
    };
    thread.ready.then(() => clearTimeout(timer)).catch(() => clearTimeout(timer));
    worker.on('message', (word: FromPress) => {
      if (word.kind === 'ready') isReady();
      else thread.answer?.(word);
    });
    // An error of the engine or a heap that is full; without a listener it would end the process.
    worker.on('error', () => this.#drop(thread, TOO_MUCH));
    worker.on('exit', () => this.#drop(thread, TOO_MUCH));
    worker.unref();
    return thread;
  }
}

function refusalOf(answer: Answer): RequestRefused {
  if (answer.kind === 'refused') return new RequestRefused(answer.status, answer.sentence);
  return new RequestRefused(500, `the press answered ${answer.kind}`);
}

/** A press that is begun with the first request. */
export const createPresses = (): Presses => new Desk();
