/**
 * Decisions of the policy as the log recorded them: which question, which answer (by key), under
 * which version, how often, and how much mail went by it. The one idea: an adopted answer is a
 * decision from the event on until the next for the same name, so one from before the time asked
 * about counts as well if mail went by it then. Bounded by the distinct answers and names.
 * Deliberately unknown here: policies, files.
 */
import type { Event } from '../events/catalogue.ts';
import type { RecordedQuestion } from '../manager/policy-jobs.ts';

/** A decision, and how often the same was made. */
export interface Decision {
  readonly question: RecordedQuestion;
  /** Names the recorded answer; '' where the policy knew nothing of the name. */
  readonly key: string;
  /** The version in force; 0 where the log does not say. */
  readonly version: number;
  /** First event that says so. */
  readonly position: number;
  readonly at: number;
  times: number;
}

/** Questions that cannot be asked again, with the reason. */
export interface Unrecorded {
  readonly what: string;
  readonly count: number;
  readonly why: string;
}

/** What a log has to say. */
export interface Collected {
  readonly decisions: readonly Decision[];
  /** Answers by key, as far as the log has them; secrets are left out of these. */
  readonly texts: ReadonlyMap<string, string>;
  /** Attempts by `kind name`, in the time asked about. */
  readonly attempts: ReadonlyMap<string, number>;
  readonly unrecorded: readonly Unrecorded[];
  /** Messages taken over, refusals and failed attempts in that time: reasons to ask handlers. */
  readonly asked: {
    readonly receptions: number;
    readonly deferrals: number;
    readonly offers: number;
  };
}

/** The time asked about, ms since 1970, both ends included. */
export interface Span {
  readonly from: number;
  readonly upto: number;
}

interface When {
  readonly position: number;
  readonly at: number;
  /** Version of the record. */
  readonly version: number;
}

type Of<T extends Event['type']> = Extract<Event, { readonly type: T }>;
type AttemptEvent = Of<'message.delivered' | 'message.bounced' | 'message.deferred'>;

/** Types of events that a collector wants to hear of. */
export const DECIDING: ReadonlySet<string> = new Set<Event['type']>([
  'policy.activated',
  'policy.loaded',
  'policy.answered',
  'queue.opened',
  'queue.configured',
  'queue.retired',
  'source.opened',
  'source.configured',
  'path.configured',
  'message.accepted',
  'message.offered',
  'message.delivered',
  'message.bounced',
  'message.deferred',
  'reception.refused',
]);

/** Folds events into decisions. */
export class DecisionCollector {
  readonly #span: Span;
  /** By `kind name`: adopted last. */
  readonly #inForce = new Map<string, Decision>();
  readonly #found = new Map<string, Decision>();
  readonly #texts: Map<string, string>;
  readonly #attempts = new Map<string, number>();
  readonly #asked = { receptions: 0, deferrals: 0, offers: 0 };
  #version: number;
  #pathsWithout = 0;
  #poolsWithout = 0;
  /** Queues that mail went through although no record says how they were configured. */
  readonly #unknown = new Set<string>();

  /** `version` and `texts`: what is known from before the first record. */
  constructor(span: Span, version = 0, texts: ReadonlyMap<string, string> = new Map()) {
    this.#span = span;
    this.#version = version;
    this.#texts = new Map(texts);
  }

  take(event: Event, when: When): void {
    if (when.at > this.#span.upto) return;
    switch (event.type) {
      case 'policy.activated':
        this.#version = event.body.version;
        return;
      case 'policy.loaded':
        this.#version = 0;
        return;
      case 'policy.answered':
        this.#texts.set(event.body.key, event.body.answer);
        return;
      case 'queue.opened':
      case 'queue.configured':
        return this.#queue(event, when);
      case 'queue.retired':
        this.#inForce.delete(`queue ${event.stream}`);
        this.#inForce.delete(`pool of ${event.stream}`);
        return;
      case 'source.opened':
      case 'source.configured':
        return this.#adopt({ kind: 'source', name: event.stream }, event.body.answer, when);
      case 'path.configured':
        return this.#path(event, when);
      case 'message.delivered':
      case 'message.bounced':
      case 'message.deferred':
        return this.#attempt(event, when);
      case 'message.accepted':
      case 'reception.refused':
        if (this.#isWithin(when)) this.#asked.receptions += 1;
        return;
      case 'message.offered':
        if (this.#isWithin(when)) this.#asked.offers += 1;
    }
  }

  #isWithin({ at }: When): boolean {
    return at >= this.#span.from && at <= this.#span.upto;
  }

  #queue({ stream, body }: Of<'queue.opened' | 'queue.configured'>, when: When): void {
    this.#unknown.delete(stream);
    this.#adopt({ kind: 'queue', name: stream }, body.answer, when);
    const text = this.#texts.get(body.answer);
    const pool = text === undefined ? undefined : poolOf(text);
    // Where no handler said anything the pool was not asked for either.
    if (body.pool === '' && pool === undefined && text !== undefined) return;
    if (when.version === 1 || text === undefined) {
      if (this.#isWithin(when)) this.#poolsWithout += 1;
      return;
    }
    const question = { kind: 'pool', name: pool ?? 'unspecified' } as const;
    this.#adopt(question, body.pool, when, `pool of ${stream}`);
  }

  #path({ stream, body }: Of<'path.configured'>, when: When): void {
    const { answer, domain, source, site, hosts } = body;
    if (domain === undefined || source === undefined || site === undefined || !hosts) {
      this.#inForce.delete(`path ${stream}`);
      if (this.#isWithin(when)) this.#pathsWithout += 1;
      return;
    }
    this.#adopt({ kind: 'path', name: stream, domain, source, site, hosts }, answer, when);
  }

  #adopt(
    question: RecordedQuestion,
    key: string,
    { position, at }: When,
    place = `${question.kind} ${question.name}`,
  ): void {
    const decision = { question, key, version: this.#version, position, at, times: 1 };
    this.#inForce.set(place, decision);
    if (at >= this.#span.from) this.#count(decision);
  }

  #count(decision: Decision): void {
    const id = `${idOf(decision.question)} ${decision.key} ${decision.version}`;
    const known = this.#found.get(id);
    if (known === undefined) this.#found.set(id, decision);
    else if (known !== decision) known.times += 1;
  }

  /** Mail went by what is in force; what was decided earlier counts from here on. */
  #attempt({ type, body }: AttemptEvent, when: When): void {
    if (!this.#isWithin(when)) return;
    if (type === 'message.deferred') this.#asked.deferrals += 1;
    const { queue, source, site } = body;
    this.#use('source', source);
    this.#use('path', `${source}->${site}@smtp_client`);
    if (queue === undefined) return;
    if (!this.#inForce.has(`queue ${queue}`)) this.#unknown.add(queue);
    this.#use('queue', queue);
    const pool = this.#inForce.get(`pool of ${queue}`);
    if (pool !== undefined) this.#use('pool', pool.question.name, pool);
  }

  #use(kind: string, name: string, decision = this.#inForce.get(`${kind} ${name}`)): void {
    const place = `${kind} ${name}`;
    this.#attempts.set(place, (this.#attempts.get(place) ?? 0) + 1);
    // One from within the time is counted already.
    if (decision !== undefined && decision.at < this.#span.from) {
      const id = `${idOf(decision.question)} ${decision.key} ${decision.version}`;
      if (!this.#found.has(id)) this.#found.set(id, decision);
    }
  }

  collected(): Collected {
    const unrecorded: Unrecorded[] = [];
    const add = (what: string, count: number, why: string): void => {
      if (count > 0) unrecorded.push({ what, count, why });
    };
    add('path', this.#pathsWithout, 'records of an older version do not say what was asked');
    add('pool', this.#poolsWithout, 'the records do not say which pool was asked for');
    add('queue', this.#unknown.size, 'configured before the first record that is kept');
    return {
      decisions: [...this.#found.values()].sort((one, other) => one.position - other.position),
      texts: this.#texts,
      attempts: this.#attempts,
      unrecorded,
      asked: this.#asked,
    };
  }
}

const idOf = (question: RecordedQuestion): string =>
  question.kind === 'path' ? JSON.stringify(question) : `${question.kind} ${question.name}`;

const poolOf = (text: string): string | undefined =>
  (JSON.parse(text) as { egress_pool?: string }).egress_pool;
