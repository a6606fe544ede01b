/**
 * The policy as the engine asks it: every answer becomes a fact before it is used. An answer not
 * seen before is an event of its own and is named by key from then on; pools and sources are kept
 * for their `ttl`, and never beyond the epoch. Knows neither rows nor connections.
 */
import type { Books } from '../domain/books.ts';
import type { PoolConfig, SourceConfig } from '../domain/options-egress.ts';
import type { PathConfig } from '../domain/options-path.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { Answer, PolicyAsker, RareHandler } from '../domain/policy-asker.ts';
import type { QueueName } from '../domain/queue-name.ts';
import type { Event } from '../events/catalogue.ts';
import { RecordedAnswers } from './recorded.ts';

/** A failed refresh keeps what is in force and is tried again after this, ms. */
export const REFRESH_RETRY_MS = 10_000;

/** Pools, and sources, that are kept; past it all are asked again. */
const KEPT_MAX = 4_096;

// A secret given in the policy must not get into the log; the key still tells versions apart.
const SECRET = /("key_data":)"(?:[^"\\]|\\.)*"/g;

interface Kept<T> {
  readonly answer: Answer<T> | 'unknown' | undefined;
  readonly untilAt: number;
}

const isFresh = (kept: Kept<unknown> | undefined, at: number): kept is Kept<unknown> =>
  kept !== undefined && at < kept.untilAt;

/** How long an answer about a pool or a source is kept; one that stands in is tried again soon. */
const keptMs = (answer: Answer<{ readonly ttl: number }> | 'unknown' | undefined): number =>
  answer === undefined || answer === 'unknown' || answer.isStandIn
    ? REFRESH_RETRY_MS
    : answer.value.ttl;

/** Asks and records. */
export class Answers {
  readonly #books: Books;
  readonly #emit: (event: Event) => void;
  readonly #recorded: RecordedAnswers;
  readonly #pools = new Map<string, Kept<PoolConfig>>();
  readonly #sources = new Map<string, Kept<SourceConfig>>();
  #asker: PolicyAsker;
  #rare: ReadonlySet<RareHandler>;

  constructor(asker: PolicyAsker, books: Books, emit: (event: Event) => void) {
    this.#asker = asker;
    this.#rare = rareOf(asker);
    this.#books = books;
    this.#recorded = new RecordedAnswers(books);
    this.#emit = emit;
  }

  /** From here on `asker` is asked, and nothing that was kept is used. */
  renew(asker: PolicyAsker = this.#asker): void {
    this.#asker = asker;
    this.#rare = rareOf(asker);
    this.#pools.clear();
    this.#sources.clear();
  }

  /** Forgets in the books what nobody rests on; what is kept here must then be noted anew. */
  forget(named: readonly ReadonlySet<string>[]): void {
    this.#books.forgetAnswers(named);
    this.#pools.clear();
    this.#sources.clear();
  }

  /** Whether any part of the policy has the handler. */
  hears(handler: RareHandler): boolean {
    return this.#rare.has(handler);
  }

  /** The questions about one message; ask `hears` first where it matters what they cost. */
  get messages(): PolicyAsker {
    return this.#asker;
  }

  /** What may be relayed for a domain; undefined: nothing was said. */
  findDomain(...asked: Parameters<PolicyAsker['listenerDomain']>) {
    return this.hears('get_listener_domain') ? this.#asker.listenerDomain(...asked) : undefined;
  }

  queueConfig(name: QueueName): Answer<QueueConfig> {
    const answer = this.#asker.queueConfig(name);
    this.#note(answer);
    return answer;
  }

  pathConfig(
    routingDomain: string,
    source: string,
    site: string,
    mxHosts: readonly string[],
  ): Answer<PathConfig> {
    const answer = this.#asker.pathConfig(routingDomain, source, site, mxHosts);
    this.#note(answer);
    return answer;
  }

  /** A pool's answer; undefined when the policy knows none or failed without an earlier answer. */
  pool(name: string, at: number): Answer<PoolConfig> | undefined {
    const kept = this.#pools.get(name);
    if (isFresh(kept, at)) return kept.answer as Answer<PoolConfig> | undefined;
    const answer = this.#asker.pool(name);
    if (answer !== undefined) this.#note(answer);
    keep(this.#pools, name, { answer, untilAt: at + keptMs(answer) });
    return answer;
  }

  /** The answer for a source that is needed; opens it, or notes that it changed. */
  source(name: string, at: number): Answer<SourceConfig> | undefined {
    const answer = this.findSource(name, at);
    // Asked once more as what it is: a source that somebody needs, so that it is told as a fault.
    return answer === 'unknown' ? this.#asker.source(name) : answer;
  }

  /** The same, for who can do without it. */
  findSource(name: string, at: number): Answer<SourceConfig> | 'unknown' | undefined {
    const kept = this.#sources.get(name);
    const isKept = isFresh(kept, at);
    const answer = isKept
      ? (kept.answer as Kept<SourceConfig>['answer'])
      : (this.#asker.source(name, true) ?? this.#recordedSource(name));
    if (!isKept) keep(this.#sources, name, { answer, untilAt: at + keptMs(answer) });
    if (answer !== undefined && answer !== 'unknown') this.#adopt(name, answer);
    return answer;
  }

  /** Retires the sources that the policy does not know any more, but for those still `named`. */
  retireSources(named: ReadonlySet<string>, at: number): void {
    for (const name of [...this.#books.sources.keys()]) {
      if (named.has(name) || this.findSource(name, at) !== 'unknown') continue;
      this.#emit({ type: 'source.retired', stream: name, body: {} });
    }
  }

  #adopt(name: string, answer: Answer<SourceConfig>): void {
    const row = this.#books.sources.get(name);
    if (row?.answer === answer.key) return;
    if (row !== undefined && answer.isStandIn) return;
    this.#note(answer);
    const body = { answer: answer.key };
    const type = row === undefined ? 'source.opened' : 'source.configured';
    this.#emit({ type, stream: name, body });
  }

  recordedQueueConfig(key: string): QueueConfig {
    return this.#recorded.recordedQueueConfig(key);
  }

  recordedPool(key: string): PoolConfig | undefined {
    return this.#recorded.recordedPool(key);
  }

  /** What the log says of a source stands in where the policy fails before it ever answered. */
  #recordedSource(name: string): Answer<SourceConfig> | undefined {
    const key = this.#books.sources.get(name)?.answer ?? '';
    const text = this.#books.answers.get(key);
    if (text === undefined) return undefined;
    return { value: JSON.parse(text) as SourceConfig, text, key, isStandIn: true };
  }

  #note(answer: Answer<unknown>): void {
    if (this.#books.answers.has(answer.key)) return;
    const body = { key: answer.key, answer: answer.text.replaceAll(SECRET, '$1"…"') };
    this.#emit({ type: 'policy.answered', stream: 'policy', body });
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= KEPT_MAX) map.clear();
  map.set(key, value);
}

const RARE: readonly RareHandler[] = [
  'throttle_insert_ready_queue',
  'requeue_message',
  'rebind_message',
  'get_listener_domain',
];

const rareOf = (asker: PolicyAsker): ReadonlySet<RareHandler> =>
  new Set(RARE.filter((handler) => asker.hears(handler)));
