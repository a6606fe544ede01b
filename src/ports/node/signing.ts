/**
 * The pool of signing threads: messages are signed off the main thread, by as many threads as there
 * is work for. The idea: a message waits by reference, and is copied once, when a thread takes it;
 * a thread that dies fails the orders it holds, nothing else, and is started again for the next.
 * Deliberately unknown here: DKIM itself, and what is done with what was signed.
 */
import { availableParallelism } from 'node:os';
import { SigningFault } from '../../dkim/fault.ts';
import { Histogram } from '../../domain/histogram.ts';
import { SigningThread } from './signing-worker.ts';

/** Orders that wait for a thread at most; beyond it they are refused as busy. */
export const SIGNING_WAITING_MAX = 4_096;
/** Threads at most, however many cores there are. */
export const SIGNING_THREADS_MAX = 8;

/**
 * One order. `reception`: the signatures a message leaves with, made once. Signing per recipient
 * when a message is dispatched is to be another stage, with its envelope.
 */
export interface SigningOrder {
  readonly stage: 'reception';
  readonly chunks: readonly Uint8Array[];
  /** Signatures as JSON, made by the constructors of the policy. */
  readonly signings: readonly string[];
}

/** What a pool stands on. */
export interface SigningSettings {
  /** Threads at most; one less than there are cores without it. */
  readonly threads?: number;
  readonly waitingMax?: number;
  /** Hears of keys that are out of date and of threads that ended. */
  readonly warn: (sentence: string) => void;
}

/** Counts since the start, and how it stands now. */
export interface SigningNumbers {
  readonly signed: number;
  readonly failed: number;
  readonly refused: number;
  readonly deaths: number;
  readonly threads: number;
  readonly waiting: number;
  /** From an order until it is signed, waiting included. */
  readonly seconds: Histogram;
}

interface Waiting {
  readonly order: SigningOrder;
  readonly since: number;
  readonly resolve: (lines: string) => void;
  readonly reject: (fault: SigningFault) => void;
}

/** Served places at the front of the line after which it is cut. */
const SERVED_MAX = 1_024;

const threadsByDefault = (): number =>
  Math.min(SIGNING_THREADS_MAX, Math.max(1, availableParallelism() - 1));

/** The pool. */
export class Signing {
  readonly #settings: SigningSettings;
  readonly #threadsMax: number;
  readonly #threads = new Set<SigningThread>();
  // Taken from the front by index, so that a long line costs nothing to shift.
  #line: Waiting[] = [];
  #head = 0;
  #isClosed = false;
  #signed = 0;
  #failed = 0;
  #refused = 0;
  #deaths = 0;
  readonly #seconds = new Histogram();

  constructor(settings: SigningSettings) {
    this.#settings = settings;
    this.#threadsMax = settings.threads ?? threadsByDefault();
  }

  /** Signs: complete header fields, each with its CRLF; rejects with SigningFault. */
  sign(order: SigningOrder): Promise<string> {
    if (order.signings.length === 0) return Promise.resolve('');
    const why = this.#whyNot();
    if (why !== undefined) {
      this.#refused += 1;
      return Promise.reject(why);
    }
    return new Promise((resolve, reject) => {
      this.#line.push({ order, since: performance.now(), resolve, reject });
      this.#serve();
    });
  }

  /** Counts and gauges for metrics. */
  numbers(): SigningNumbers {
    return {
      signed: this.#signed,
      failed: this.#failed,
      refused: this.#refused,
      deaths: this.#deaths,
      threads: this.#threads.size,
      waiting: this.#waiting,
      seconds: this.#seconds,
    };
  }

  /** Ends all threads; what was not signed by then is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const fault = new SigningFault('closed', 'the daemon stops, so nothing is signed any more');
    for (const { reject } of this.#takeAll()) reject(fault);
    await Promise.all([...this.#threads].map((thread) => thread.end(fault)));
    this.#threads.clear();
  }

  get #waiting(): number {
    return this.#line.length - this.#head;
  }

  #whyNot(): SigningFault | undefined {
    const waitingMax = this.#settings.waitingMax ?? SIGNING_WAITING_MAX;
    if (this.#isClosed) return new SigningFault('closed', 'the daemon stops');
    if (this.#waiting < waitingMax) return undefined;
    return new SigningFault('busy', `${waitingMax} messages wait to be signed`);
  }

  #serve(): void {
    while (this.#waiting > 0) {
      const thread = this.#findRoom();
      if (thread === undefined) return;
      const next = this.#line[this.#head] as Waiting;
      this.#head += 1;
      if (this.#head >= SERVED_MAX) this.#line = this.#takeAll();
      this.#post(thread, next);
    }
    this.#line = [];
    this.#head = 0;
  }

  #findRoom(): SigningThread | undefined {
    let best: SigningThread | undefined;
    for (const thread of this.#threads) {
      if (thread.held < (best?.held ?? Number.POSITIVE_INFINITY)) best = thread;
    }
    const isEnough = best?.held === 0 || this.#threads.size >= this.#threadsMax;
    if (!isEnough) return this.#start();
    return best?.hasRoom === true ? best : undefined;
  }

  #start(): SigningThread {
    const thread = new SigningThread({
      warn: this.#settings.warn,
      room: () => this.#serve(),
      died: (sentence) => this.#bury(thread, sentence),
    });
    this.#threads.add(thread);
    return thread;
  }

  #post(thread: SigningThread, { order, since, resolve, reject }: Waiting): void {
    thread.post(order.chunks, order.signings).then(
      (lines) => {
        this.#signed += 1;
        this.#seconds.observe((performance.now() - since) / 1000);
        resolve(lines);
      },
      (fault: SigningFault) => {
        this.#failed += 1;
        reject(fault);
      },
    );
  }

  #bury(thread: SigningThread, sentence: string): void {
    this.#threads.delete(thread);
    this.#deaths += 1;
    this.#settings.warn(sentence);
    // One that never got as far as to answer would die again for each who waits.
    if (!thread.hasAnswered && this.#threads.size === 0) {
      const fault = new SigningFault('lost', sentence);
      for (const { reject } of this.#takeAll()) {
        this.#failed += 1;
        reject(fault);
      }
    } else this.#serve();
  }

  #takeAll(): Waiting[] {
    const all = this.#line.slice(this.#head);
    this.#line = [];
    this.#head = 0;
    return all;
  }
}
