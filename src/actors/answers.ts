/**
 * The policy as the engine asks it: every answer becomes a fact before it is used. An answer not
 * seen before is an event of its own and is named by key from then on; a handler that fails is an
 * event too, and the default stands in. Knows neither queues nor mail.
 */
import type { Books } from '../domain/books.ts';
import type { PoolConfig, SourceConfig } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { QueueName } from '../domain/queue-name.ts';
import type { Event } from '../events/catalogue.ts';

/** One answer: the configuration, and a text and key that name it. */
export interface Answer<T> {
  readonly value: T;
  /** JSON text of `value`, canonical. */
  readonly text: string;
  /** Short hash of the text. */
  readonly key: string;
}

/** The policy behind a synchronous surface; a failing handler is told to `onFault` first. */
export interface PolicyAsker {
  queueConfig(name: QueueName): Answer<QueueConfig>;
  pathConfig(routingDomain: string, source: string, site: string): Answer<PathConfig>;
  /** Undefined when the policy knows no such pool or fails. */
  pool(name: string): Answer<PoolConfig> | undefined;
  source(name: string): Answer<SourceConfig> | undefined;
}

// A secret given in the policy must not get into the log; the key still tells versions apart.
const SECRET = /("key_data":)"(?:[^"\\]|\\.)*"/g;

/** Asks and records. */
export class Answers {
  readonly #asker: PolicyAsker;
  readonly #books: Books;
  readonly #emit: (event: Event) => void;
  readonly #queueConfigs = new Map<string, QueueConfig>();

  constructor(asker: PolicyAsker, books: Books, emit: (event: Event) => void) {
    this.#asker = asker;
    this.#books = books;
    this.#emit = emit;
  }

  queueConfig(name: QueueName): Answer<QueueConfig> {
    return this.#noted(this.#asker.queueConfig(name));
  }

  pathConfig(routingDomain: string, source: string, site: string): PathConfig {
    return this.#asker.pathConfig(routingDomain, source, site).value;
  }

  pool(name: string): PoolConfig | undefined {
    return this.#asker.pool(name)?.value;
  }

  /** A source's configuration; opens it, or notes that it changed. */
  source(name: string): SourceConfig | undefined {
    const answer = this.#asker.source(name);
    if (answer === undefined) return undefined;
    this.#noted(answer);
    const row = this.#books.sources.get(name);
    const body = { answer: answer.key };
    if (row === undefined) this.#emit({ type: 'source.opened', stream: name, body });
    else if (row.answer !== answer.key) {
      this.#emit({ type: 'source.configured', stream: name, body });
    }
    return answer.value;
  }

  /** The configuration an earlier answer gave, by its key; undefined if the log lost it. */
  recordedQueueConfig(key: string): QueueConfig | undefined {
    const known = this.#queueConfigs.get(key);
    if (known !== undefined) return known;
    const text = this.#books.answers.get(key);
    if (text === undefined) return undefined;
    const config = JSON.parse(text) as QueueConfig;
    this.#queueConfigs.set(key, config);
    return config;
  }

  #noted<T>(answer: Answer<T>): Answer<T> {
    if (!this.#books.answers.has(answer.key)) {
      const body = { key: answer.key, answer: answer.text.replaceAll(SECRET, '$1"…"') };
      this.#emit({ type: 'policy.answered', stream: 'policy', body });
    }
    return answer;
  }
}
