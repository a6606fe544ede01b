/**
 * The MTA-STS policies of the domains that mail goes to: fetched when first needed, kept for their
 * `max_age`, fetched again behind the back of those who use them. A policy that is known outlives
 * records that vanish and files that cannot be had; a domain without one is asked again soon.
 * Deliberately unknown here: DNS and HTTPS themselves, queues, TLS.
 */
import type { At, Fault, Ms, PolicyFetch, Resolver, TxtAnswer } from '../ports/ports.ts';
import type { StsMode, StsPolicy } from './mta-sts.ts';
import { parseStsPolicy, parseStsRecord } from './mta-sts.ts';

/** What holds for a domain, until when. */
export interface StsAnswer {
  readonly mode: StsMode;
  readonly patterns: readonly string[];
  readonly expiresAt: At;
}

/** Who knows the policies. */
export interface StsLookup {
  /** May answer before it returns; within the time of one look-up and one fetch. */
  find(domain: string, answered: (answer: StsAnswer) => void): void;
}

/** A policy as it is kept. `id` is that of the record under which it was fetched. */
export interface KeptPolicy extends StsPolicy {
  readonly domain: string;
  readonly id: string;
  readonly fetchedAt: At;
}

/** Where policies outlive the process, so that a restart does not open a door (section 10.2). */
export interface StsShelf {
  load(): Iterable<KeptPolicy>;
  /** What is kept has changed; `all` lists it, the one unused for longest first. */
  changed(all: () => Iterable<KeptPolicy>): void;
}

/** What it is made of. */
export interface StsParts {
  readonly resolver: Resolver;
  /** Undefined: nothing is fetched, no domain has a policy. */
  readonly fetch: PolicyFetch | undefined;
  readonly now: () => At;
  readonly shelf?: StsShelf | undefined;
  readonly entriesMax?: number;
}

/** What was done so far, for metrics. */
export interface StsCounts {
  fetched: number;
  failed: number;
  /** Times that a policy was used although its record or its file could not be had. */
  outlived: number;
}

/** How long the lack of a policy is believed, and a failed fetch not repeated. */
export const STS_ABSENCE_MS: Ms = 300_000;
/** How soon a new file is looked for again by who was given the old one. */
const STALE_MS: Ms = 30_000;
/** A policy that may hardly be kept is still used this long. */
const KEPT_MS_MIN: Ms = 10_000;
/** A policy is fetched again at least this often, and when half of its life is over. */
const REFRESH_MS_MAX: Ms = 86_400_000;
const ENTRIES_MAX = 65_536;
/** Characters of patterns kept in all: the bound that matters when files are large. */
const PATTERN_CHARS_MAX = 16 * 1024 * 1024;

const NO_PATTERNS: readonly string[] = Object.freeze([]);

const endOf = ({ fetchedAt, maxAgeMs }: KeptPolicy): At =>
  fetchedAt + Math.max(maxAgeMs, KEPT_MS_MIN);
const refreshAt = ({ fetchedAt, maxAgeMs }: KeptPolicy): At =>
  fetchedAt + Math.min(maxAgeMs / 2, REFRESH_MS_MAX);
const sizeOf = ({ patterns }: KeptPolicy): number =>
  patterns.reduce((sum, pattern) => sum + pattern.length, 0);

interface Failure {
  readonly id: string;
  readonly untilAt: At;
}

type Waiter = () => void;

/** The cache, and the fetches under way behind it. */
export class StsPolicies implements StsLookup {
  /** The operator's switch; off, no domain has a policy. */
  isEnabled = true;
  readonly counts: StsCounts = { fetched: 0, failed: 0, outlived: 0 };
  readonly #parts: StsParts;
  readonly #kept = new Map<string, KeptPolicy>();
  readonly #failures = new Map<string, Failure>();
  /** Fetches under way, with those who wait for them. */
  readonly #fetches = new Map<string, Waiter[]>();
  #patternChars = 0;

  constructor(parts: StsParts) {
    this.#parts = parts;
    this.#restore(parts.shelf?.load() ?? []);
  }

  find(domain: string, answered: (answer: StsAnswer) => void): void {
    const { fetch, resolver } = this.#parts;
    if (!this.isEnabled || fetch === undefined) {
      answered(this.#none(Number.MAX_SAFE_INTEGER));
      return;
    }
    resolver.findTxt(`_mta-sts.${domain}`, (txt) => this.#judge(fetch, domain, txt, answered));
  }

  /** Domains whose policy is kept. */
  get size(): number {
    return this.#kept.size;
  }

  // What an earlier life kept; what is too old, or of a time to come, is left out.
  #restore(policies: Iterable<KeptPolicy>): void {
    const now = this.#parts.now();
    for (const policy of policies) {
      if (policy.fetchedAt <= now && now < endOf(policy)) this.#keep(policy);
    }
  }

  #judge(
    fetch: PolicyFetch,
    domain: string,
    txt: TxtAnswer,
    answered: (answer: StsAnswer) => void,
  ): void {
    const now = this.#parts.now();
    const record = txt.kind === 'found' ? parseStsRecord(txt.texts) : undefined;
    const id = record?.kind === 'found' ? record.id : undefined;
    const known = this.#live(domain, now);
    if (known !== undefined) {
      const isNew = id !== undefined && id !== known.id;
      if (id === undefined) this.counts.outlived += 1;
      else if ((isNew || now >= refreshAt(known)) && !this.#hasFailed(domain, id, now)) {
        this.#fetch(fetch, domain, id);
      }
      // A fetch that answered at once is no reason to look further back.
      const holds = this.#live(domain, now) ?? known;
      answered(answerOf(holds, Math.min(txt.expiresAt, isNew ? now + STALE_MS : endOf(holds))));
      return;
    }
    if (id === undefined)
      return answered(this.#none(Math.min(txt.expiresAt, now + STS_ABSENCE_MS)));
    if (this.#hasFailed(domain, id, now)) return answered(this.#afterFailure(domain));
    this.#fetch(fetch, domain, id, () => {
      const fetched = this.#live(domain, this.#parts.now());
      if (fetched === undefined) answered(this.#afterFailure(domain));
      else answered(answerOf(fetched, Math.min(txt.expiresAt, endOf(fetched))));
    });
  }

  #fetch(fetch: PolicyFetch, domain: string, id: string, waiter: Waiter = () => {}): void {
    const others = this.#fetches.get(domain);
    if (others !== undefined) {
      others.push(waiter);
      return;
    }
    this.#fetches.set(domain, [waiter]);
    fetch.fetchPolicy(domain, (outcome) => {
      this.#take(domain, id, outcome);
      const waiting = this.#fetches.get(domain) ?? [];
      this.#fetches.delete(domain);
      for (const each of waiting) each();
    });
  }

  #take(domain: string, id: string, outcome: string | Fault): void {
    const now = this.#parts.now();
    const policy = typeof outcome === 'string' ? parseStsPolicy(outcome) : undefined;
    if (policy === undefined || 'why' in policy) {
      this.counts.failed += 1;
      if (this.#live(domain, now) !== undefined) this.counts.outlived += 1;
      this.#note(domain, { id, untilAt: now + STS_ABSENCE_MS });
      return;
    }
    this.counts.fetched += 1;
    this.#failures.delete(domain);
    this.#keep({ domain, id, fetchedAt: now, ...policy });
    this.#parts.shelf?.changed(() => this.#kept.values());
  }

  #live(domain: string, now: At): KeptPolicy | undefined {
    const known = this.#kept.get(domain);
    if (known === undefined) return undefined;
    this.#kept.delete(domain);
    if (now >= endOf(known)) {
      this.#patternChars -= sizeOf(known);
      return undefined;
    }
    // The one used last stands last.
    this.#kept.set(domain, known);
    return known;
  }

  #keep(policy: KeptPolicy): void {
    const before = this.#kept.get(policy.domain);
    if (before !== undefined) this.#patternChars -= sizeOf(before);
    this.#kept.delete(policy.domain);
    this.#kept.set(policy.domain, policy);
    this.#patternChars += sizeOf(policy);
    const entriesMax = this.#parts.entriesMax ?? ENTRIES_MAX;
    for (const [domain, oldest] of this.#kept) {
      if (this.#kept.size <= entriesMax && this.#patternChars <= PATTERN_CHARS_MAX) return;
      this.#kept.delete(domain);
      this.#patternChars -= sizeOf(oldest);
    }
  }

  #note(domain: string, failure: Failure): void {
    this.#failures.delete(domain);
    this.#failures.set(domain, failure);
    if (this.#failures.size <= (this.#parts.entriesMax ?? ENTRIES_MAX)) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      return;
    }
  }

  #hasFailed(domain: string, id: string, now: At): boolean {
    const failure = this.#failures.get(domain);
    return failure !== undefined && failure.id === id && now < failure.untilAt;
  }

  #afterFailure(domain: string): StsAnswer {
    const now = this.#parts.now();
    return this.#none(this.#failures.get(domain)?.untilAt ?? now + STALE_MS);
  }

  #none(expiresAt: At): StsAnswer {
    return { mode: 'none', patterns: NO_PATTERNS, expiresAt };
  }
}

const answerOf = ({ mode, patterns }: KeptPolicy, expiresAt: At): StsAnswer => ({
  mode,
  patterns,
  expiresAt,
});
