/**
 * What can be known about a policy by asking it: its own checks, then every pool that its answers
 * and its data name, every source of these pools, and a path for each, from the queue on. All that
 * is wrong is gathered, so that one run is one round of mending. It puts nothing in force.
 */
import type { OptionError } from '../domain/option-error.ts';
import { nearest } from '../domain/options.ts';
import type { DkimSigning } from '../domain/options-dkim.ts';
import type { PoolConfig } from '../domain/options-egress.ts';
import { UNSPECIFIED } from '../domain/options-egress.ts';
import type { ListenerConfig } from '../domain/options-listener.ts';
import type { QueueConfig } from '../domain/options-queue.ts';
import type { QueueName } from '../domain/queue-name.ts';
import { formatQueueName } from '../domain/queue-name.ts';
import { mxListSiteName } from '../domain/site-name.ts';
import { halfProxies } from '../domain/source-proxy.ts';
import type { PolicyFault } from './ask.ts';
import { createPolicyAsker } from './ask.ts';
import type { Policy } from './define.ts';
import { handlersOf } from './define.ts';
import type { Checks } from './hooks.ts';
import { describeThrown, isPolicyError, oneLine, PolicyError } from './policy-error.ts';
import type { PlaceFinder, PolicySetup } from './setup.ts';
import { isThenable } from './setup.ts';

/** A policy that was imported and set up. */
export interface Validated {
  readonly policy: Policy;
  readonly setup: PolicySetup;
  readonly findPlace: PlaceFinder;
}

/** What was found; a policy without refusals may be put in force. */
export interface Findings {
  /** One sentence each. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
}

/** RFC 2606 section 2: a domain that is nobody's. */
const PROBE_DOMAIN = 'probe.invalid';
const PROBES: readonly QueueName[] = [
  { domain: PROBE_DOMAIN },
  { domain: PROBE_DOMAIN, tenant: 'probe', campaign: 'probe' },
];
const FINDINGS_MAX = 100;

// By name, because a compiled policy carries its own copy of the class.
const isOptionError = (thrown: unknown): thrown is OptionError =>
  thrown instanceof Error && thrown.name === 'OptionError' && 'problem' in thrown;

/** Gathers findings and names; it is what handlers are given as `checks`. */
export class Gatherer implements Checks {
  readonly refusals: string[] = [];
  readonly warnings: string[] = [];
  /** Names of pools and sources, and where they were first named. */
  readonly pools = new Map<string, string>();
  readonly sources = new Map<string, string>();
  /** Signatures whose keys are to be looked at, and where they were named. */
  readonly signings: { readonly signing: DkimSigning; readonly where: string }[] = [];

  refuse(where: string, problem: string, fix: string): void {
    this.addRefusal(new PolicyError(where, problem, fix).message);
  }

  warn(where: string, problem: string): void {
    const sentence = oneLine(`${where}: ${problem}`);
    if (this.warnings.length < FINDINGS_MAX) this.warnings.push(sentence);
  }

  expectPool(name: string, where: string): void {
    if (!this.pools.has(name)) this.pools.set(name, where);
  }

  expectSource(name: string, where: string): void {
    if (!this.sources.has(name)) this.sources.set(name, where);
  }

  expectKey(signing: DkimSigning, where: string): void {
    this.signings.push({ signing, where });
  }

  addRefusal(sentence: string): void {
    const isKnown = this.refusals.includes(sentence);
    if (!isKnown && this.refusals.length < FINDINGS_MAX) this.refusals.push(sentence);
  }

  /** Adds what a handler threw. */
  addThrown(handler: string, thrown: unknown, place: string): void {
    if (isPolicyError(thrown)) {
      this.refuse(thrown.place || place, thrown.problem, thrown.fix);
    } else if (isOptionError(thrown)) {
      const what = `${thrown.where}: ${thrown.key === '' ? '' : `${thrown.key}: `}`;
      this.refuse(place, `${what}${thrown.problem}`, thrown.fix);
    } else {
      const problem = `${handler} threw: ${describeThrown(thrown)}`;
      this.refuse(place, problem, 'correct the handler');
    }
  }
}

const runOwnChecks = ({ policy, findPlace }: Validated, found: Gatherer): void => {
  for (const handler of handlersOf(policy, 'validate_config')) {
    try {
      const answer: unknown = handler(found);
      if (!isThenable(answer)) continue;
      answer.then(undefined, () => undefined);
      found.refuse('', 'validate_config returned a promise', 'make it a plain function');
    } catch (thrown) {
      found.addThrown('validate_config', thrown, findPlace(thrown));
    }
  }
};

const UNKNOWN = /^no part of the policy knows the (pool|source) /;

/** Asks a policy what it would be asked with mail in its queues. */
class Resolution {
  readonly #found: Gatherer;
  readonly #faults: PolicyFault[] = [];
  readonly #asker;
  readonly #pools = new Map<string, PoolConfig | undefined>();
  readonly #sources = new Map<string, boolean>();

  constructor({ policy, findPlace }: Validated, found: Gatherer) {
    this.#found = found;
    this.#asker = createPolicyAsker(policy, (fault) => this.#faults.push(fault), findPlace);
  }

  /** From a queue to its paths. */
  queue(name: QueueName): void {
    const { value } = this.#asker.queueConfig(name);
    this.#settle();
    const pool = value.egress_pool ?? UNSPECIFIED;
    const where = `get_queue_config for ${formatQueueName(name)}: egress_pool`;
    this.#found.expectPool(pool, where);
    const entries = this.pool(pool)?.entries ?? [];
    for (const entry of entries) this.#path(name, value, entry.name);
  }

  /** A pool and all its members. */
  pool(name: string): PoolConfig | undefined {
    if (this.#pools.has(name)) return this.#pools.get(name);
    const config = this.#asker.pool(name)?.value;
    this.#pools.set(name, config);
    if (config === undefined) this.#unknown('pool', name, [...this.#found.pools.keys()]);
    else if (!config.entries.some(({ weight }) => weight > 0)) {
      // A helper says it better: it knows the file.
      const isSaid = this.#found.warnings.some((warning) => warning.includes(name));
      const problem = 'has no source with a weight; its mail will wait';
      if (!isSaid) this.#found.warn(`the pool '${name}'`, problem);
    }
    for (const entry of config?.entries ?? []) {
      // Data that names the source says so better, and has said so before.
      this.#found.expectSource(entry.name, `the pool '${name}'`);
      this.source(entry.name);
    }
    this.#settle();
    return config;
  }

  /** A source, and its path to nowhere in particular. */
  source(name: string): void {
    if (this.#sources.has(name)) return;
    const config = this.#asker.source(name)?.value;
    this.#sources.set(name, config !== undefined);
    if (config === undefined) this.#unknown('source', name, [...this.#knownSources()]);
    else {
      for (const text of halfProxies(config)) this.#found.warn(`the source '${name}'`, text);
    }
    this.#askPath(PROBE_DOMAIN, name, PROBE_DOMAIN);
    this.#settle();
  }

  /** A listener and a recipient's domain. */
  listener({ listen: { address, port } }: ListenerConfig): void {
    const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    this.#asker.listenerDomain(PROBE_DOMAIN, place, Object.freeze({}));
    this.#settle();
  }

  *#knownSources(): Generator<string> {
    yield* this.#found.sources.keys();
    for (const [name, isKnown] of this.#sources) if (isKnown) yield name;
  }

  #path(name: QueueName, config: QueueConfig, source: string): void {
    const list = config.protocol.smtp.mx_list;
    const site = list.length === 0 ? name.domain : mxListSiteName(list);
    this.#askPath(name.routing_domain ?? name.domain, source, site);
    this.#settle();
  }

  #askPath(domain: string, source: string, site: string): void {
    this.#asker.pathConfig(domain, source, site);
  }

  #unknown(kind: 'pool' | 'source', name: string, others: readonly string[]): void {
    const where = this.#found[`${kind}s`].get(name) ?? '';
    const fault = this.#faults.at(-1);
    // Another fault is the reason already: the handler threw, or its answer cannot be read.
    if (fault !== undefined && !UNKNOWN.test(fault.sentence)) return;
    if (fault !== undefined) this.#faults.pop();
    const isUnknown = (other: string): boolean => this.#sources.get(other) === false;
    const candidates = others.filter((other) => other !== name && !isUnknown(other));
    const near = nearest(name, candidates);
    const fix = near === undefined ? `answer it in get_egress_${kind}` : `did you mean '${near}'?`;
    this.#found.refuse(where, `no part of the policy knows the ${kind} '${name}'`, fix);
  }

  #settle(): void {
    for (const { sentence } of this.#faults.splice(0)) this.#found.addRefusal(sentence);
  }
}

/** Asks `validated` all that can be asked without mail; `found` may hold findings already. */
export const validateLoaded = (
  validated: Validated,
  found: Gatherer = new Gatherer(),
): Findings => {
  runOwnChecks(validated, found);
  const resolution = new Resolution(validated, found);
  for (const name of PROBES) resolution.queue(name);
  for (const name of found.pools.keys()) resolution.pool(name);
  for (const name of found.sources.keys()) resolution.source(name);
  for (const listener of validated.setup.smtpListeners) resolution.listener(listener);
  return { refusals: found.refusals, warnings: found.warnings };
};

/** One sentence for all refusals; undefined when there are none. */
export const sayRefusals = (refusals: readonly string[]): string | undefined => {
  const [first, ...others] = refusals;
  return others.length === 0 ? first : `${first} (and ${others.length} more)`;
};
