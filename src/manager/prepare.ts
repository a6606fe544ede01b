/**
 * Runs the `prepare` handlers of a policy: the one place where a policy may ask the network. What
 * does not answer in time is an answer too, so a name server that is away delays a version by
 * seconds and does not stop it. It does not know what handlers keep the answers for.
 */

import { resolveSite } from '../domain/mx-site.ts';
import { handlersOf } from '../policy/define.ts';
import type { MxAnswer, OptionValue, Preparing } from '../policy/hooks.ts';
import type { Facts } from '../policy/load-files.ts';
import { PolicyError } from '../policy/policy-error.ts';
import type { Gatherer, Validated } from '../policy/validate.ts';
import type { Resolver } from '../ports/ports.ts';

/** Time for one look-up, and for all of them. */
const LOOKUP_MS_MAX = 5_000;
const LOOKUPS_MS_MAX = 6_000;
const LOOKUPS_AT_ONCE_MAX = 32;
const FACTS_BYTES_MAX = 16 * 1024 * 1024;

const OUT_OF_TIME = 'no answer in time';

/** Looks up at most so many domains at once, each and all within their time. */
export class Lookups {
  readonly #resolver: Resolver;
  readonly #endsAt = performance.now() + LOOKUPS_MS_MAX;
  readonly #waiting: (() => void)[] = [];
  readonly #known = new Map<string, Promise<MxAnswer>>();
  #running = 0;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  find(domain: string): Promise<MxAnswer> {
    const key = domain.toLowerCase();
    const known = this.#known.get(key) ?? this.#find(domain);
    this.#known.set(key, known);
    return known;
  }

  async #find(domain: string): Promise<MxAnswer> {
    if (this.#running >= LOOKUPS_AT_ONCE_MAX) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
    try {
      return await this.#ask(domain);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #ask(domain: string): Promise<MxAnswer> {
    const waitMs = Math.min(LOOKUP_MS_MAX, this.#endsAt - performance.now());
    if (waitMs <= 0) return Promise.resolve({ fault: OUT_OF_TIME });
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ fault: OUT_OF_TIME }), waitMs);
      resolveSite(this.#resolver, { routingDomain: domain, mxList: [] }, (answer) => {
        clearTimeout(timer);
        if (answer.kind === 'failed') resolve({ fault: answer.why });
        else if (answer.kind === 'nullMx') resolve({ site_name: '', hosts: [] });
        else resolve({ site_name: answer.site, hosts: answer.hosts.map(({ name }) => name) });
      });
    });
  }
}

const checkFact = (name: string, fact: OptionValue, bytesKept: number): string => {
  const text = JSON.stringify(fact) as string | undefined;
  if (text === undefined) {
    throw new PolicyError('', `the fact '${name}' is no plain value`, 'keep text, numbers, tables');
  }
  if (bytesKept + text.length > FACTS_BYTES_MAX) {
    const problem = `the facts are larger than ${FACTS_BYTES_MAX} bytes`;
    throw new PolicyError('', problem, 'keep less');
  }
  return text;
};

const createPreparing = (lookups: Lookups, facts: Facts, found: Gatherer): Preparing => {
  let bytesKept = 0;
  return {
    refuse: (where, problem, fix) => found.refuse(where, problem, fix),
    warn: (where, problem) => found.warn(where, problem),
    expectPool: (name, where) => found.expectPool(name, where),
    expectSource: (name, where) => found.expectSource(name, where),
    expectKey: (signing, where) => found.expectKey(signing, where),
    resolveMx: (domain) => lookups.find(domain),
    keepFact: (name, fact) => {
      const text = checkFact(name, fact, bytesKept);
      bytesKept += text.length;
      // As a worker will find it: through JSON, and not the handler's own object.
      facts[name] = JSON.parse(text) as OptionValue;
    },
  };
};

/** Runs all `prepare` handlers at once; facts go into `facts`, what is wrong into `found`. */
export const runPrepare = async (
  { policy, findPlace }: Validated,
  resolver: Resolver,
  facts: Facts,
  found: Gatherer,
): Promise<void> => {
  const preparing = createPreparing(new Lookups(resolver), facts, found);
  const runs = handlersOf(policy, 'prepare').map(async (handler) => {
    try {
      await handler(preparing);
    } catch (thrown) {
      found.addThrown('prepare', thrown, findPlace(thrown));
    }
  });
  await Promise.all(runs);
};
