/**
 * What a failure is called: the first rule that matches the response gives its label. The one idea:
 * all expressions are one machine that reads a response once, in time linear in its length, so no
 * rule can hold the records up; what was asked lately is not even read again.
 * Deliberately unknown here: records, files, and when the rules change.
 */
import { RE2JS, RE2Set } from 're2js';
import type { BounceRule, BounceRules, RuledResponse } from '../domain/bounce-rules.ts';
import { formatResponse, UNCATEGORIZED } from '../domain/bounce-rules.ts';
import { Recent } from '../domain/recent.ts';

/** A rule that cannot be used. */
export class RuleError extends Error {
  readonly place: string;
  readonly problem: string;

  constructor(rule: BounceRule, problem: string) {
    super(`${rule.place}: ${problem}`);
    this.name = 'RuleError';
    this.place = rule.place;
    this.problem = problem;
  }
}

/** Memory of the joined machine, octets; it forgets states beyond that and makes them again. */
const MACHINE_BYTES_MAX = 32 * 1024 * 1024;

/** Says what is wrong with an expression; undefined when it can be used. */
export function findRuleFault(rule: BounceRule): RuleError | undefined {
  try {
    RE2JS.compile(rule.pattern);
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return new RuleError(rule, text.replace(/^error parsing regexp: /, ''));
  }
}

/** Names failures by rules. */
export class Classifier {
  readonly #labels: readonly string[];
  readonly #machine: RE2Set | undefined;
  readonly #known: Recent<string>;
  readonly #unknown: Recent<true>;
  /** Responses that were read, and those that were remembered. */
  readonly counts = { read: 0, remembered: 0 };

  /** Throws RuleError for an expression that cannot be used. */
  constructor({ rules, cacheSize, uncategorizedCacheSize }: BounceRules) {
    this.#labels = rules.map(({ label }) => label);
    this.#known = new Recent(cacheSize);
    this.#unknown = new Recent(uncategorizedCacheSize);
    if (rules.length === 0) return;
    this.#machine = new RE2Set(RE2Set.UNANCHORED, 0, MACHINE_BYTES_MAX);
    for (const rule of rules) {
      const fault = findRuleFault(rule);
      if (fault !== undefined) throw fault;
      this.#machine.add(rule.pattern);
    }
    this.#machine.compile();
  }

  /** The label of a response. */
  classify(response: RuledResponse): string {
    const line = formatResponse(response);
    const known = this.#known.get(line);
    if (known !== undefined || this.#unknown.get(line) === true) {
      this.counts.remembered += 1;
      return known ?? UNCATEGORIZED;
    }
    this.counts.read += 1;
    const label = this.#read(line);
    if (label === undefined) this.#unknown.set(line, true);
    else this.#known.set(line, label);
    return label ?? UNCATEGORIZED;
  }

  #read(line: string): string | undefined {
    let first = Number.POSITIVE_INFINITY;
    for (const index of this.#machine?.match(line) ?? []) first = Math.min(first, index);
    return this.#labels[first];
  }
}
