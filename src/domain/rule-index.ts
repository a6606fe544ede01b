/**
 * Which rules of operators hold for a queue, answered fast. The idea: rules are sorted by what they
 * name once after each change, and a queue's answer is kept until the next change, so a message on
 * its way costs one look, and none where there is no rule. Deliberately unknown here: clocks. A
 * rule is in the book until its end is told.
 */
import type { AdminRule, RuleBook } from './admin-rules.ts';
import { isMeant } from './admin-rules.ts';
import { parseQueueName } from './queue-name.ts';

/** What holds for a scheduled queue. */
export interface Verdict {
  /** Of the suspensions, the one that lasts longest. */
  readonly suspension: AdminRule | undefined;
  /** Of the purges, the oldest. */
  readonly purge: AdminRule | undefined;
}

const NOTHING: Verdict = Object.freeze({ suspension: undefined, purge: undefined });
const NONE: readonly AdminRule[] = [];

/** A queue as rules know it; a slot is used again when its queue is gone. */
export interface RuledQueue {
  readonly slot: number;
  readonly name: string;
}

interface Kept {
  readonly queue: RuledQueue;
  readonly verdict: Verdict;
}

const add = (map: Map<string, AdminRule[]>, key: string, rule: AdminRule): void => {
  const known = map.get(key);
  if (known === undefined) map.set(key, [rule]);
  else known.push(rule);
};

/** Rules by what they name, and the answers given since the last change. */
export class RuleIndex {
  readonly #book: RuleBook;
  #revision = -1;
  #byQueue = new Map<string, AdminRule[]>();
  #byDomain = new Map<string, AdminRule[]>();
  #wide: AdminRule[] = [];
  #byReady = new Map<string, AdminRule>();
  /** By slot of the queue. */
  #kept: (Kept | undefined)[] = [];

  constructor(book: RuleBook) {
    this.#book = book;
  }

  get revision(): number {
    return this.#book.revision;
  }

  /** What holds for a queue; the answer is kept for this very queue. */
  verdictOf(queue: RuledQueue): Verdict {
    if (this.#book.size === 0) return NOTHING;
    this.#follow();
    const kept = this.#kept[queue.slot];
    if (kept?.queue === queue) return kept.verdict;
    const verdict = this.#judge(queue.name);
    this.#kept[queue.slot] = { queue, verdict };
    return verdict;
  }

  /** True while any ready queue is suspended. */
  get hasReady(): boolean {
    if (this.#book.size === 0) return false;
    this.#follow();
    return this.#byReady.size > 0;
  }

  /** The suspension of the ready queue of this name. */
  findReady(name: string): AdminRule | undefined {
    return this.hasReady ? this.#byReady.get(name) : undefined;
  }

  #follow(): void {
    if (this.#revision === this.#book.revision) return;
    this.#revision = this.#book.revision;
    this.#kept = [];
    this.#byQueue = new Map();
    this.#byDomain = new Map();
    this.#byReady = new Map();
    this.#wide = [];
    for (const rule of this.#book.all()) this.#sort(rule);
  }

  #sort(rule: AdminRule): void {
    const { criteria } = rule;
    if (rule.kind === 'readySuspension') this.#byReady.set(rule.ready, rule);
    else if (criteria.queue_names !== undefined) {
      for (const name of new Set(criteria.queue_names)) add(this.#byQueue, name, rule);
    } else if (criteria.domain !== undefined) add(this.#byDomain, criteria.domain, rule);
    else this.#wide.push(rule);
  }

  #judge(text: string): Verdict {
    const name = parseQueueName(text);
    let suspension: AdminRule | undefined;
    let purges: Set<AdminRule> | undefined;
    const domain = this.#byDomain.get(name.domain) ?? NONE;
    for (const rules of [this.#byQueue.get(text) ?? NONE, domain, this.#wide]) {
      for (const rule of rules) {
        if (!isMeant(rule.criteria, text, name)) continue;
        if (rule.kind === 'purge') purges = (purges ?? new Set()).add(rule);
        else if (suspension === undefined || rule.until > suspension.until) suspension = rule;
      }
    }
    if (suspension === undefined && purges === undefined) return NOTHING;
    return { suspension, purge: purges && this.#oldest(purges) };
  }

  #oldest(purges: ReadonlySet<AdminRule>): AdminRule | undefined {
    if (purges.size === 1) return [...purges][0];
    for (const rule of this.#book.all()) if (purges.has(rule)) return rule;
    return undefined;
  }
}
