/**
 * The memory log as readers see it: the same promises as over SQLite (log-tail.ts), for tests and
 * the simulated world. What has fallen off the end is what a test lets fall. Knows no disk.
 */
import type { CommittedLog, CommittedRecord, CommittedSpan } from '../ports/committed-log.ts';
import type { StoredRecord } from '../ports/ports.ts';
import { chainOf, sealText } from './log-chain.ts';
import type { MemoryStore, Soon } from './memory-log.ts';

/** A reader's log, and what a test may do to it. */
export interface MemoryTail extends CommittedLog {
  /** From now on nothing before `position` is there. */
  dropBefore(position: number): void;
  /** The first position behind which the bodies of the log take at most so many octets. */
  firstWithin(octets: number): number;
}

class MemoryTailImpl implements MemoryTail {
  readonly #store: MemoryStore;
  readonly #soon: Soon;
  #first = 1;

  constructor(store: MemoryStore, soon: Soon) {
    this.#store = store;
    this.#soon = soon;
  }

  upto(): number {
    return this.#store.records.length;
  }

  first(): number {
    return this.#first;
  }

  dropBefore(position: number): void {
    this.#first = Math.max(this.#first, position);
  }

  read(after: number, recordsMax: number): CommittedSpan {
    const from = Math.max(after + 1, this.#first);
    const end = Math.min(this.upto(), from + recordsMax - 1);
    const records: CommittedRecord[] = [];
    for (let position = from; position <= end; position++) {
      const record = this.find(position);
      if (record !== undefined) records.push(record);
    }
    return { records, upto: Math.max(after, end) };
  }

  find(position: number): CommittedRecord | undefined {
    const record = position < this.#first ? undefined : this.#store.records[position - 1];
    return record && { ...record, chain: sealOf(record) };
  }

  firstWithin(octets: number): number {
    const { records } = this.#store;
    let left = octets;
    for (let position = this.upto(); position >= this.#first; position -= 1) {
      left -= records[position - 1]?.body.length ?? 0;
      if (left < 0) return position + 1;
    }
    return this.#first;
  }

  whenMore(after: number, task: () => void): () => void {
    const { watchers } = this.#store;
    let isWaiting = true;
    const tell = (): void => {
      if (isWaiting && watchers.delete(look)) task();
    };
    const look = (): void => {
      if (after < this.upto()) this.#soon(tell);
    };
    watchers.add(look);
    look();
    return () => {
      isWaiting = false;
      watchers.delete(look);
    };
  }
}

/** A seal without the past: enough for no two records of a store to share one. */
const sealOf = ({ position, turn, at, stream, type, version, body }: StoredRecord): string =>
  chainOf('', sealText(position, turn, at, stream, type, version, body));

/** A reader of `store`. */
export const createMemoryTail = (store: MemoryStore, soon: Soon): MemoryTail =>
  new MemoryTailImpl(store, soon);
