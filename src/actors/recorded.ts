/**
 * What can be answered from the books alone: the books, the rules in them, and the answers of the
 * policy that they keep. The one idea: whoever reads through this sees the same in the running
 * engine and in books that were rebuilt from the log. Deliberately unknown here: what is held in
 * memory, and the policy itself.
 */
import type { Books } from '../domain/books.ts';
import type { PoolConfig } from '../domain/options-egress.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import { parseQueueConfig } from '../domain/options-queue.ts';
import { RuleIndex } from '../domain/rule-index.ts';
import { Calendar } from '../domain/time-window.ts';

/** Configurations that are kept as values; past it all are read again. */
const KEPT_MAX = 4_096;

/** The kept side of the engine: what the log can rebuild. */
export interface Kept {
  readonly books: Books;
  /** Which rules of operators hold for a queue. */
  readonly rules: RuleIndex;
  /** Time windows of the week. */
  readonly calendar: Calendar;
  readonly answers: Pick<RecordedAnswers, 'recordedQueueConfig' | 'recordedPool'>;
}

/** The kept side of books that nobody works with. */
export const keptOf = (books: Books): Kept => ({
  books,
  rules: new RuleIndex(books.rules),
  calendar: new Calendar(),
  answers: new RecordedAnswers(books),
});

/** Answers of the policy that are on record, as values. */
export class RecordedAnswers {
  readonly #books: Books;
  readonly #queueConfigs = new Map<string, QueueConfig>();
  readonly #poolConfigs = new Map<string, PoolConfig>();
  readonly #standard = parseQueueConfig({}, 'default');

  constructor(books: Books) {
    this.#books = books;
  }

  /** The configuration an earlier answer gave, by its key; the default if the log lost it. */
  recordedQueueConfig(key: string): QueueConfig {
    return this.#find(this.#queueConfigs, key) ?? this.#standard;
  }

  /** The pool an earlier answer gave, by its key. */
  recordedPool(key: string): PoolConfig | undefined {
    return this.#find(this.#poolConfigs, key);
  }

  #find<T>(known: Map<string, T>, key: string): T | undefined {
    const found = known.get(key);
    if (found !== undefined) return found;
    const text = this.#books.answers.get(key);
    if (text === undefined) return undefined;
    const config = JSON.parse(text) as T;
    if (known.size >= KEPT_MAX) known.clear();
    known.set(key, config);
    return config;
  }
}
