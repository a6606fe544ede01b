/**
 * One signing thread as the pool sees it: orders are posted, answers come back, and when it dies
 * all it held is rejected. The idea: it holds a few orders at once, so that it never waits for the
 * next one; the rest stay with the pool.
 * Deliberately unknown here: what is signed, and the other threads.
 */
import type { Worker } from 'node:worker_threads';
import { SigningFault } from '../../dkim/fault.ts';
import { startThread } from '../../events/log-start.ts';
import type { SigningJob, SigningWord } from './signing-messages.ts';

/** Orders a thread holds at most: the one it works on, and those it goes on with. */
const HELD_MAX = 8;
/** Octets a thread holds at most before it is given another message. */
const HELD_OCTETS_MAX = 16_777_216;

/** Who hears of a thread. */
export interface SigningThreadEars {
  readonly warn: (sentence: string) => void;
  /** It answered, so it has room for another order. */
  readonly room: () => void;
  /** It ended by itself; called after its orders were rejected. */
  readonly died: (sentence: string) => void;
}

interface Held {
  readonly octets: number;
  readonly resolve: (lines: string) => void;
  readonly reject: (fault: SigningFault) => void;
}

const octetsOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((sum, { length }) => sum + length, 0);

const isShared = ({ buffer }: Uint8Array): boolean => buffer instanceof SharedArrayBuffer;

// A piece may be a window on a much larger buffer, all of which would be copied with it; so pieces
// go into one of their own size, which is then handed over.
const makeOwn = (chunks: readonly Uint8Array[], octets: number): Uint8Array<ArrayBuffer> => {
  const own = Buffer.allocUnsafeSlow(octets);
  let at = 0;
  for (const chunk of chunks) {
    own.set(chunk, at);
    at += chunk.length;
  }
  return own;
};

/** A thread. */
export class SigningThread {
  readonly #ears: SigningThreadEars;
  readonly #worker: Worker;
  readonly #held = new Map<number, Held>();
  #heldOctets = 0;
  #lastId = 0;
  #isOver = false;
  #hasAnswered = false;

  constructor(ears: SigningThreadEars) {
    this.#ears = ears;
    this.#worker = startThread('./signing-thread', import.meta.url, { name: 'signing' });
    // Only orders keep the process alive.
    this.#worker.unref();
    this.#worker.on('message', (word: SigningWord) => this.#hear(word));
    this.#worker.on('error', (error) => this.#fall(error.message));
    this.#worker.on('exit', (code) => this.#fall(`exit code ${code}`));
  }

  /** How many orders it holds. */
  get held(): number {
    return this.#held.size;
  }

  get hasRoom(): boolean {
    return this.held === 0 || (this.held < HELD_MAX && this.#heldOctets < HELD_OCTETS_MAX);
  }

  /** It has answered an order at least once. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Hands an order over; rejects with SigningFault. */
  post(chunks: readonly Uint8Array[], signings: readonly string[]): Promise<string> {
    const octets = octetsOf(chunks);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#held.set(id, { octets, resolve, reject });
      this.#heldOctets += octets;
      if (this.#held.size === 1) this.#worker.ref();
      if (chunks.every(isShared)) {
        this.#worker.postMessage({ id, chunks, signings } satisfies SigningJob);
        return;
      }
      const own = makeOwn(chunks, octets);
      const job: SigningJob = { id, chunks: [own], signings };
      this.#worker.postMessage(job, [own.buffer]);
    });
  }

  /** Ends it; what it holds is rejected with `fault`. */
  async end(fault: SigningFault): Promise<void> {
    this.#isOver = true;
    this.#rejectAll(fault);
    await this.#worker.terminate();
  }

  #hear(word: SigningWord): void {
    if (word.kind === 'warning') {
      this.#ears.warn(word.sentence);
      return;
    }
    const held = this.#held.get(word.id);
    if (held === undefined) return;
    this.#hasAnswered = true;
    this.#held.delete(word.id);
    this.#heldOctets -= held.octets;
    if (this.#held.size === 0) this.#worker.unref();
    if (word.kind === 'signed') held.resolve(word.lines);
    else held.reject(new SigningFault(word.code, word.sentence));
    this.#ears.room();
  }

  #fall(cause: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const sentence = `a signing thread ended: ${cause}`;
    this.#rejectAll(new SigningFault('lost', sentence));
    this.#ears.died(sentence);
  }

  #rejectAll(fault: SigningFault): void {
    const all = [...this.#held.values()];
    this.#held.clear();
    this.#heldOctets = 0;
    for (const { reject } of all) reject(fault);
  }
}
