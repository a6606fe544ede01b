/**
 * A log in memory, for tests and the simulated world. The one idea: it keeps the promises of the
 * real one (order, durability after the answer, disk full and failure) and none of its cost, and
 * what a power cut would take can be taken. Deliberately unknown here: disks, threads, time; `soon`
 * is the only thing it is given.
 */
import type { Fault, Log, LogListener, StoredRecord, TurnBatch } from '../ports/ports.ts';

/** Runs a task after what is happening now; the clock port's `soon`. */
export type Soon = (task: () => void) => void;

/** What survives the end of a process: give it to the next `createMemoryLog`. */
export interface MemoryStore {
  /** By position - 1; a hole where a test tore one out. */
  readonly records: (StoredRecord | undefined)[];
  readonly snapshots: { readonly position: number; readonly bytes: Uint8Array }[];
  /** Called after each commit: readers in wait (memory-tail.ts). */
  readonly watchers: Set<() => void>;
}

/** A disk with nothing on it. */
export const createMemoryStore = (): MemoryStore => ({
  records: [],
  snapshots: [],
  watchers: new Set(),
});

/** The log, and what a test may do to it. */
export interface MemoryLog extends Log {
  readonly store: MemoryStore;
  /** Turns appended and not yet durable. */
  readonly pending: number;
  /** From now on every turn finds the disk full, until `freeDisk`. */
  fillDisk(): void;
  freeDisk(): void;
  /** The next commit fails for good; with `isKept` its records are in the store all the same. */
  failNext(fault: Fault, isKept?: boolean): void;
  /** What was not durable is gone, and the log is silent from now on. */
  losePower(): void;
  /** Hands over the durable records from `from` on. */
  replay(from: number, each: (records: StoredRecord[]) => void): Promise<void>;
}

/** Records handed over at a time. */
const CHUNK_RECORDS = 4096;
const SNAPSHOTS_KEPT = 2;

const DISK_FULL: Fault = {
  code: 'FAULT_DISK_FULL',
  where: 'log',
  cause: 'database or disk is full',
  retryable: true,
};

class MemoryLogImpl implements MemoryLog {
  readonly store: MemoryStore;
  readonly #soon: Soon;
  readonly #listener: LogListener;
  readonly #waiting: TurnBatch[] = [];
  #next: number;
  #isFull = false;
  #isTold = false;
  #isDead = false;
  #isScheduled = false;
  #failure: { fault: Fault; isKept: boolean } | undefined;

  constructor(soon: Soon, listener: LogListener, store: MemoryStore) {
    this.#soon = soon;
    this.#listener = listener;
    this.store = store;
    const lastSnapshot = store.snapshots.at(-1)?.position ?? 0;
    this.#next = Math.max(store.records.length, lastSnapshot) + 1;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  append(batch: TurnBatch): void {
    if (this.#isDead) return;
    this.#waiting.push(batch);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isDead) return;
    this.#isScheduled = true;
    this.#soon(() => {
      this.#isScheduled = false;
      this.#commitNext();
      if (this.#waiting.length > 0 && !this.#isFull) this.#schedule();
    });
  }

  /** One turn at a time: a world may stop between any two. */
  #commitNext(): void {
    const batch = this.#waiting[0];
    if (batch === undefined || this.#isDead) return;
    if (this.#isFull) {
      if (!this.#isTold) {
        this.#listener.failed(DISK_FULL);
        this.#listener.room?.(false);
      }
      this.#isTold = true;
      return;
    }
    const failure = this.#failure;
    if (batch.position !== this.#next) {
      const cause = `position ${batch.position} does not follow ${this.#next - 1}`;
      const code = 'FAULT_LOG_UNWRITABLE';
      return this.#die({ code, where: 'log', cause, retryable: false });
    }
    if (failure === undefined || failure.isKept) this.#keep(batch);
    if (failure !== undefined) return this.#die(failure.fault);
    this.#waiting.shift();
    this.#listener.durable(batch.turn, 0);
  }

  #keep({ turn, at, position, drafts }: TurnBatch): void {
    for (const [index, { stream, type, version, body }] of drafts.entries()) {
      const stored = { position: position + index, turn, at, stream, type, version, body };
      this.store.records[stored.position - 1] = stored;
    }
    this.#next = position + drafts.length;
    for (const watcher of this.store.watchers) watcher();
  }

  #die(fault: Fault): void {
    this.#isDead = true;
    this.#waiting.length = 0;
    this.#listener.failed(fault);
  }

  read(
    positions: readonly number[],
    answered: (records: readonly (StoredRecord | undefined)[]) => void,
  ): void {
    this.#soon(() => {
      if (!this.#isDead) answered(positions.map((position) => this.store.records[position - 1]));
    });
  }

  saveSnapshot(position: number, bytes: Uint8Array, answered: (fault?: Fault) => void): void {
    const copy = Uint8Array.from(bytes);
    this.#soon(() => {
      if (this.#isDead) return;
      if (this.#isFull) return answered({ ...DISK_FULL, where: 'snapshots' });
      const { snapshots } = this.store;
      snapshots.push({ position, bytes: copy });
      snapshots.splice(0, snapshots.length - SNAPSHOTS_KEPT);
      answered();
    });
  }

  /** Nothing is removed: memory is the test's, and a reader may want to look back. */
  releaseBefore(_position: number): void {}

  close(answered: () => void): void {
    this.#soon(() => {
      while (this.#waiting.length > 0 && !this.#isFull && !this.#isDead) this.#commitNext();
      this.#isDead = true;
      answered();
    });
  }

  fillDisk(): void {
    this.#isFull = true;
    this.#isTold = false;
  }

  freeDisk(): void {
    this.#isFull = false;
    this.#listener.room?.(true);
    if (this.#waiting.length > 0) this.#schedule();
  }

  failNext(fault: Fault, isKept = false): void {
    this.#failure = { fault, isKept };
  }

  losePower(): void {
    this.#isDead = true;
    this.#waiting.length = 0;
  }

  async replay(from: number, each: (records: StoredRecord[]) => void): Promise<void> {
    const { records } = this.store;
    for (let start = from - 1; start < records.length; start += CHUNK_RECORDS) {
      const chunk = records.slice(start, start + CHUNK_RECORDS);
      each(chunk.filter((record) => record !== undefined));
    }
  }
}

/** A log over `store`, which outlives it as a disk outlives a process. */
export const createMemoryLog = (
  soon: Soon,
  listener: LogListener,
  store: MemoryStore = createMemoryStore(),
): MemoryLog => new MemoryLogImpl(soon, listener, store);
