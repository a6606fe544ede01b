/**
 * The questions of operators, answered for an instant of the past. The one idea: the functions that
 * answer for the running engine read the kept side of it (actors/recorded.ts); here they read books
 * that were rebuilt, so the answers are the same. What a process held in memory is not answered.
 * Deliberately unknown here: how answers are shown.
 */
import { explainKept } from '../actors/explaining/kept.ts';
import { lookAtRates, lookAtSources } from '../actors/inspecting/kept.ts';
import type { LastErrors } from '../actors/inspecting/last-errors.ts';
import { FAILURE_TYPES, newLastErrors, rememberError } from '../actors/inspecting/last-errors.ts';
import type { Found } from '../actors/inspecting/messages.ts';
import { findMessage, findQueue, lookOf } from '../actors/inspecting/messages.ts';
import type { TopQuestion } from '../actors/inspecting/queues.ts';
import { findTop } from '../actors/inspecting/queues.ts';
import { boundsOf } from '../actors/inspecting/ready.ts';
import type { Kept } from '../actors/recorded.ts';
import { keptOf } from '../actors/recorded.ts';
import type { Suspension } from '../actors/source-desk.ts';
import { suspensionsOf } from '../actors/source-desk.ts';
import type { AdminRule, RuleKind } from '../domain/admin-rules.ts';
import type { EngineRow, Ledger } from '../domain/books.ts';
import type { Explanation, Subject } from '../domain/explanation.ts';
import type {
  MessageLook,
  QueueLook,
  QueueTop,
  RateLook,
  ReadyLook,
  SourceLook,
} from '../domain/inspection.ts';
import type { PathConfig } from '../domain/options-path.ts';
import { sourceOfReady } from '../domain/site-name.ts';
import { decode } from '../events/codec.ts';
import type { RecordFilter } from '../events/log-past.ts';
import type { StoredRecord } from '../ports/ports.ts';
import type { PastLog, Rebuild } from './rebuild.ts';

/** A log that can be searched; see events/log-past.ts. */
export interface History extends PastLog {
  records(filter: RecordFilter, from: number, upto: number): Iterable<StoredRecord>;
  findLast(
    filter: RecordFilter,
    upto: number,
    isWanted?: (record: StoredRecord) => boolean,
  ): StoredRecord | undefined;
}

/** What the log knows of a ready queue. */
export type PastReady = Pick<ReadyLook, 'name' | 'source' | 'suspended' | 'bounds'>;

/** Everything in a few numbers. */
export interface Overview {
  readonly engine: Readonly<EngineRow>;
  readonly ledger: Readonly<Ledger>;
  readonly messages: number;
  readonly queues: number;
  readonly sources: number;
  readonly rules: number;
}

/** The world as the log knows it at an instant. */
export class Past {
  readonly position: number;
  /** The instant, ms since 1970. */
  readonly at: number;
  readonly #history: History;
  readonly #kept: Kept;

  /** `at` is the instant that was asked for; the books are those of `rebuild`, as they are now. */
  constructor(history: History, rebuild: Rebuild, at: number) {
    this.#history = history;
    this.#kept = keptOf(rebuild.books);
    this.position = rebuild.position;
    this.at = at;
  }

  overview(): Overview {
    const { books } = this.#kept;
    return {
      engine: { ...books.engine },
      ledger: { ...books.ledger },
      messages: books.rows.count,
      queues: books.queueCount,
      sources: books.sources.size,
      rules: books.rules.size,
    };
  }

  top(question: TopQuestion): QueueTop {
    let top: QueueTop = { lines: [], looks: 0, messages: 0 };
    const clock = { soon: (task: () => void) => task() };
    const { books } = this.#kept;
    const looked = { books, lastErrors: this.#lastErrors(), ports: { clock } };
    findTop(looked, question, (found) => {
      top = found;
    });
    return top;
  }

  queue(name: string, max: number): QueueLook | undefined {
    const found = findQueue(this.#kept, name, max);
    if (found === undefined) return undefined;
    return { ...found.about, messages: found.found.map((row) => this.#look(row)) };
  }

  message(id: string): MessageLook | undefined {
    const found = findMessage(this.#kept, id);
    return found && this.#look(found);
  }

  /** The path as it was last configured since the start; whether it was in use nobody wrote. */
  ready(name: string): PastReady | undefined {
    const since = this.#startedAt();
    const configured = this.#history.findLast(
      { types: ['path.configured'], stream: name },
      this.position,
    );
    if (configured === undefined || configured.position < since) return undefined;
    const path = this.#path((JSON.parse(configured.body) as { answer: string }).answer);
    if (path === undefined) return undefined;
    const source = sourceOfReady(name);
    const quotas = { isShared: () => false };
    const bounds = boundsOf({ ports: { quotas } }, { name, source, path });
    return { name, source, suspended: this.#kept.rules.findReady(name), bounds };
  }

  sources(): readonly SourceLook[] {
    return lookAtSources(this.#kept);
  }

  suspended(): readonly Suspension[] {
    return suspensionsOf(this.#kept);
  }

  rates(): readonly RateLook[] {
    return lookAtRates(this.#kept, this.at);
  }

  /** The rules of a kind that hold, oldest first. */
  rules(kind: RuleKind): readonly AdminRule[] {
    return [...this.#kept.books.rules.all()].filter((rule) => rule.kind === kind);
  }

  explain(subject: Subject): Explanation | string {
    return explainKept(this.#kept, subject, this.at, {
      ofMessage: (id) => this.#lastErrors(id).ofMessages.get(id),
      ofQueue: (name) => this.#lastErrors().ofQueues.get(name),
    });
  }

  #look(found: Found): MessageLook {
    return lookOf(found, this.#history.find(found.position));
  }

  /** Position of the start of the process that was running; the first position there is else. */
  #startedAt(): number {
    const started = this.#history.findLast({ types: ['engine.started'] }, this.position);
    return started?.position ?? this.#history.first;
  }

  // A process remembers the last failures since its start: so do we, by the same rule.
  #lastErrors(stream?: string): LastErrors {
    const errors = newLastErrors();
    const filter = { types: FAILURE_TYPES, ...(stream === undefined ? {} : { stream }) };
    for (const record of this.#history.records(filter, this.#startedAt(), this.position)) {
      rememberError(errors, decode(record, true), record.at);
    }
    return errors;
  }

  // The books may have forgotten what no queue and no source rests on.
  #path(key: string): PathConfig | undefined {
    const known = this.#kept.books.answers.get(key);
    if (known !== undefined) return JSON.parse(known) as PathConfig;
    const filter = { types: ['policy.answered'], stream: 'policy' };
    const keyOf = ({ body }: StoredRecord): string => (JSON.parse(body) as { key: string }).key;
    const answered = this.#history.findLast(filter, this.position, (one) => keyOf(one) === key);
    const text = answered && (JSON.parse(answered.body) as { answer: string }).answer;
    return text === undefined ? undefined : (JSON.parse(text) as PathConfig);
  }
}
