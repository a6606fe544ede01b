/**
 * What operators have ordered and what still holds: suspensions of scheduled queues by criteria, of
 * ready queues by name, purges (admin bounces), and rebinds that are under way. The idea: a rule is
 * a value with an id and an end; who it is about is asked of its criteria alone. Deliberately
 * unknown here: clocks (that an end has come is told), rows, and what a rule does to mail.
 */
import type { QueueMove } from './queue-change.ts';
import type { QueueName } from './queue-name.ts';

/** Which scheduled queues are meant; what is absent is any. `queue_names` stands alone. */
export interface Criteria {
  readonly campaign?: string;
  readonly tenant?: string;
  readonly domain?: string;
  readonly routing_domain?: string;
  readonly queue_names?: readonly string[];
}

/** The parts of a queue's name that criteria may name. */
export const CRITERIA_PARTS = ['campaign', 'tenant', 'domain', 'routing_domain'] as const;

/** What a rule does. */
export type RuleKind = 'suspension' | 'readySuspension' | 'purge';

/** An operator's rule; it acts from its event on and until `until`, not after. */
export interface AdminRule {
  readonly id: string;
  readonly kind: RuleKind;
  readonly criteria: Criteria;
  /** The ready queue that a `readySuspension` is about; else ''. */
  readonly ready: string;
  /** Its end, ms since 1970. */
  readonly until: number;
  /** The operator's reason. */
  readonly cause: string;
  /** Of a purge: readers shall not tell of the messages that it ends. */
  readonly isQuiet: boolean;
  /** Of a purge: messages ended so far, by queue. */
  readonly counts: Map<string, number>;
}

/** A rebind that is under way: one round over the queues there were. */
export interface RebindOrder {
  readonly id: string;
  readonly criteria: Criteria;
  readonly cause: string;
  /** Without it the policy's rebind_message is asked, with `data`. */
  readonly move: QueueMove | undefined;
  readonly data: Readonly<Record<string, string>>;
  /** Due at once, also where the queue stays the same. */
  readonly isFlush: boolean;
  readonly isQuiet: boolean;
  /** Messages with this number or a higher one came later. */
  readonly upto: number;
}

/** What of `body` is criteria, and nothing else of it. */
export function criteriaOf(body: Criteria): Criteria {
  if (body.queue_names !== undefined) return { queue_names: body.queue_names };
  const criteria: { [Part in (typeof CRITERIA_PARTS)[number]]?: string } = {};
  for (const part of CRITERIA_PARTS) {
    const value = body[part];
    if (value !== undefined) criteria[part] = value;
  }
  return criteria;
}

/** True when the queue `text`, in parts `name`, is meant; a part it lacks is never the one. */
export function isMeant(criteria: Criteria, text: string, name: QueueName): boolean {
  if (criteria.queue_names !== undefined) return criteria.queue_names.includes(text);
  const { campaign, tenant, domain, routing_domain } = criteria;
  return (
    (domain === undefined || domain === name.domain) &&
    (tenant === undefined || tenant === name.tenant) &&
    (campaign === undefined || campaign === name.campaign) &&
    (routing_domain === undefined || routing_domain === name.routing_domain)
  );
}

/** Equal for rules of one kind about the same queues: the later one replaces the earlier. */
export function keyOfRule(rule: Pick<AdminRule, 'kind' | 'criteria' | 'ready'>): string {
  const { kind, criteria, ready } = rule;
  const parts = CRITERIA_PARTS.map((part) => criteria[part] ?? null);
  return JSON.stringify([kind, ready, parts, [...(criteria.queue_names ?? [])].sort()]);
}

/** All rules that hold, oldest first, and the rebinds under way. */
export class RuleBook {
  readonly rebinds = new Map<string, RebindOrder>();
  /** Queues that are suspended because of a rule: name → id of the rule, which may be gone. */
  readonly suspended = new Map<string, string>();
  readonly #rules = new Map<string, AdminRule>();
  readonly #byKey = new Map<string, AdminRule>();
  /** Raised with each change of the rules. */
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#rules.size;
  }

  find(id: string): AdminRule | undefined {
    return this.#rules.get(id);
  }

  all(): IterableIterator<AdminRule> {
    return this.#rules.values();
  }

  /** The rule of the same kind about the same queues. */
  findSame(wanted: Pick<AdminRule, 'kind' | 'criteria' | 'ready'>): AdminRule | undefined {
    return this.#byKey.get(keyOfRule(wanted));
  }

  add(rule: AdminRule): void {
    this.#rules.set(rule.id, rule);
    this.#byKey.set(keyOfRule(rule), rule);
    this.#revision += 1;
  }

  remove(id: string): void {
    const rule = this.#rules.get(id);
    if (rule === undefined) return;
    this.#rules.delete(id);
    const key = keyOfRule(rule);
    if (this.#byKey.get(key) === rule) this.#byKey.delete(key);
    this.#revision += 1;
  }
}
