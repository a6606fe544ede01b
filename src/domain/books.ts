/**
 * The books: everything the engine remembers, folded from events and from nothing else. Living
 * messages are rows; queues, sources and answers of the policy are small records beside them; the
 * ledger counts recipients. Whatever is not here dies with the process. No clock, no I/O, no
 * timers.
 */
import { RuleBook } from './admin-rules.ts';
import type { Generation } from './generations.ts';
import { invariant } from './invariant.ts';
import type { LedgerTotals } from './ledger-totals.ts';
import { NameIndex } from './name-index.ts';
import type { OwedNdr } from './ndrs.ts';
import type { RowsWatcher } from './rows.ts';
import { Rows } from './rows.ts';
import type { SuspendReason } from './source-health.ts';

const NONE = -1;

/** States of a queue's chart. */
export type QueueState = 'ready' | 'resting' | 'suspended' | 'gone';
/** States of a source's chart. */
export type SourceState = 'open' | 'suspended' | 'retired';

/** A scheduled queue as the log knows it. */
export interface QueueRow {
  readonly slot: number;
  readonly name: string;
  state: QueueState;
  /** End of resting or suspension; 0 = none. */
  until: number;
  /** Why it rests or is suspended, one line. */
  cause: string;
  /** Key of the answer in `answers` that configures it. */
  answer: string;
  /** Key of the answer that says who is in its pool; '' = none. */
  pool: string;
  /** Site name last resolved; '' before the first resolution. */
  site: string;
  /** Living messages. */
  count: number;
  /** Chain of rows. */
  head: number;
  tail: number;
  /** When the last message left it; 0 while it has rows. */
  emptySince: number;
}

/** An egress source as the log knows it. */
export interface SourceRow {
  readonly name: string;
  state: SourceState;
  until: number;
  cause: string;
  /** What suspended it: a kind of failure, or who did it by hand; '' while it is open. */
  reason: SuspendReason | '';
  answer: string;
}

/** Recipients, counted. accepted = delivered + bounced + expired + removed + lost + live. */
export interface Ledger extends LedgerTotals {
  live: number;
  /** Attempts whose outcome is not known. */
  unknown: number;
}

/** What the engine knows of itself. */
export interface EngineRow {
  /** 8 hex digits, drawn once per data directory. */
  node: string;
  /** Next message number. */
  number: number;
  starts: number;
  /** True between `engine.started` and `engine.stopped`. */
  isRunning: boolean;
  /** Hash of the policy in force. */
  policy: string;
  policyFile: string;
  /** Its number in the policy store; 0 where versions are not numbered. */
  policyVersion: number;
  /** How often configuration came into force anew, as the manager counts. */
  epoch: number;
}

const newEngine = (): EngineRow => ({
  node: '',
  number: 0,
  starts: 0,
  isRunning: false,
  policy: '',
  policyFile: '',
  policyVersion: 0,
  epoch: 0,
});

/** Hears of what is about to change; the slot tells which. */
export interface BooksWatcher extends RowsWatcher {
  beforeQueue(slot: number): void;
}

/** All books. */
export class Books {
  readonly rows = new Rows();
  readonly queues: (QueueRow | undefined)[] = [];
  readonly sources = new Map<string, SourceRow>();
  /** What operators have ordered and what still holds. */
  readonly rules = new RuleBook();
  /** Answers of the policy, kept once each: key → JSON text. */
  readonly answers = new Map<string, string>();
  readonly ledger: Ledger = {
    accepted: 0,
    delivered: 0,
    bounced: 0,
    expired: 0,
    removed: 0,
    lost: 0,
    live: 0,
    unknown: 0,
  };
  readonly engine: EngineRow = newEngine();
  /** Requests whose messages are still to be generated. */
  readonly generations = new Map<string, Generation>();
  /** Reports of failure that are owed to senders, by the position that names each. */
  readonly ndrs = new Map<number, OwedNdr>();
  /** Rates that are counted in this process: key → used up to this time at most. */
  readonly rates = new Map<string, number>();
  /** Queues opened in this process so far, and the how-manieth the one in each slot was. */
  queuesOpened = 0;
  readonly openedAs: number[] = [];
  #watcher: BooksWatcher | undefined;
  readonly #queueSlots = new NameIndex();
  readonly #freeQueues: number[] = [];

  /** One watcher hears of changes; who wants none any more names itself. */
  watchedBy(watcher: BooksWatcher | undefined, before = this.#watcher): void {
    if (before !== this.#watcher) return;
    this.#watcher = watcher;
    this.rows.watcher = watcher;
  }

  get isWatched(): boolean {
    return this.#watcher !== undefined;
  }

  /** To be called before a queue is changed. */
  touchQueue({ slot }: QueueRow): void {
    this.#watcher?.beforeQueue(slot);
  }

  findQueue(name: string): QueueRow | undefined {
    const slot = this.#queueSlots.get(name);
    return slot === undefined ? undefined : this.queues[slot];
  }

  queueAt(slot: number): QueueRow {
    const queue = this.queues[slot];
    invariant(queue !== undefined, `no queue in slot ${slot}`);
    return queue;
  }

  queueOfRow(slot: number): QueueRow {
    return this.queueAt(this.rows.columns.queue[slot] as number);
  }

  get queueCount(): number {
    return this.#queueSlots.size;
  }

  openQueue(name: string, at: number): QueueRow {
    invariant(!this.#queueSlots.has(name), `queue ${name} is open already`);
    const slot = this.#freeQueues.pop() ?? this.queues.length;
    this.#watcher?.beforeQueue(slot);
    const queue: QueueRow = {
      slot,
      name,
      state: 'ready',
      until: 0,
      cause: '',
      answer: '',
      pool: '',
      site: '',
      count: 0,
      head: NONE,
      tail: NONE,
      emptySince: at,
    };
    this.queues[slot] = queue;
    this.openedAs[slot] = this.queuesOpened;
    this.queuesOpened += 1;
    this.#queueSlots.set(name, slot);
    return queue;
  }

  /**
   * Forgets the answers that neither a source nor one of `named` rests on, else what is kept would
   * grow with every domain there ever was. No event: who needs one again hears it anew, so nothing
   * depends on what was forgotten. Not while a picture is made.
   */
  forgetAnswers(named: readonly ReadonlySet<string>[]): void {
    invariant(this.#watcher === undefined, 'a picture shows the answers of its moment');
    const inUse = new Set(Array.from(this.sources.values(), ({ answer }) => answer));
    for (const key of this.answers.keys()) {
      const isNamed = inUse.has(key) || named.some((keys) => keys.has(key));
      if (!isNamed) this.answers.delete(key);
    }
  }

  /**
   * Notes how far a rate may be used up. Of those noted longest ago two are looked at: what lies in
   * the past says nothing any more and is forgotten, so that no more are kept than are in use.
   */
  reserveRate(key: string, until: number, at: number): void {
    this.rates.delete(key);
    this.rates.set(key, until);
    const oldest = this.rates.entries();
    for (let looks = 2; looks > 0; looks -= 1) {
      const entry = oldest.next();
      if (entry.done || entry.value[0] === key) return;
      const [old, oldUntil] = entry.value;
      this.rates.delete(old);
      if (oldUntil > at) this.rates.set(old, oldUntil);
    }
  }

  closeQueue(queue: QueueRow): void {
    invariant(queue.count === 0, `queue ${queue.name} still has messages`);
    this.touchQueue(queue);
    this.queues[queue.slot] = undefined;
    this.#queueSlots.delete(queue.name);
    this.#freeQueues.push(queue.slot);
  }

  /** Chains a row to the end of its queue. */
  link(slot: number, queue: QueueRow): void {
    const { rows } = this;
    this.touchQueue(queue);
    rows.touch(slot);
    rows.touch(queue.tail);
    rows.prev[slot] = queue.tail;
    rows.next[slot] = NONE;
    if (queue.tail === NONE) queue.head = slot;
    else rows.next[queue.tail] = slot;
    queue.tail = slot;
    queue.count += 1;
    queue.emptySince = 0;
  }

  /** Takes a row out of its queue and out of the books. */
  drop(slot: number, at: number): void {
    this.#unlink(slot, at);
    this.rows.remove(slot);
  }

  /** Moves a row to the end of another queue. */
  rebind(slot: number, queue: QueueRow, at: number): void {
    this.#unlink(slot, at);
    this.rows.columns.queue[slot] = queue.slot;
    this.link(slot, queue);
  }

  #unlink(slot: number, at: number): void {
    const { rows } = this;
    const queue = this.queueOfRow(slot);
    const before = rows.prev[slot] as number;
    const after = rows.next[slot] as number;
    this.touchQueue(queue);
    rows.touch(slot);
    rows.touch(before);
    rows.touch(after);
    if (before === NONE) queue.head = after;
    else rows.next[before] = after;
    if (after === NONE) queue.tail = before;
    else rows.prev[after] = before;
    queue.count -= 1;
    if (queue.count === 0) queue.emptySince = at;
  }
}
