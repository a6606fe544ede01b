/**
 * The Resolver port of a running worker: what the machine knows by itself, then the cache, then one
 * look-up for all who ask the same at the same time. Every answer, also a bad one, has a time until
 * which it holds. It knows no sites, plans or mail.
 */
import { isIP, isIPv4 } from 'node:net';
import type {
  AddressAnswer,
  At,
  Clock,
  Fault,
  IpLookupStrategy,
  Ms,
  MxAnswer,
  MxRecord,
  Resolver,
  TxtAnswer,
} from '../ports.ts';
import { createExpiringCache } from './dns-cache.ts';
import { createLanes } from './dns-lanes.ts';
import type { LookupOutcome, ServerList } from './dns-lookup.ts';
import { startLookup } from './dns-lookup.ts';
import type { Question } from './dns-message.ts';
import { isQueryName } from './dns-message.ts';
import type { DnsServer, LocalAddresses } from './dns-system.ts';
import { parseServer, readHosts, readServers } from './dns-system.ts';

/** What an operator or a test may set; everything has a default. */
export interface ResolverOptions {
  readonly clock: Clock;
  /** `ip`, `ip:port` or `[v6]:port`; without it the servers of resolv.conf. */
  readonly servers?: readonly string[];
  readonly timeoutMs?: Ms;
  readonly concurrencyMax?: number;
  readonly cacheEntriesMax?: number;
  readonly failureTtlMs?: Ms;
  readonly resolvConfFile?: string;
  readonly hostsFile?: string;
}

/** Questions for MX records: answered without a look-up of their own, and looked up. */
export interface ResolverCounts {
  mxHits: number;
  mxMisses: number;
}

/** A resolver that can be stopped; what was asked then stays unanswered. */
export interface NodeResolver extends Resolver {
  readonly counts: Readonly<ResolverCounts>;
  stop(): void;
}

const TIMEOUT_MS: Ms = 5_000;
const CONCURRENCY_MAX = 128;
const RUNNING_MAX = 2_048;
const WAITING_MAX = 65_536;
const YOUNG_MS: Ms = 50;
const CACHE_ENTRIES_MAX = 65_536;
const FAILURE_TTL_MS: Ms = 300_000;
/** Absences are believed this long at most (RFC 2308 section 5 suggests one to three hours). */
const ABSENCE_TTL_MS_MAX: Ms = 3 * 3600 * 1000;
/** An answer without a lifetime is still used this long, or a queue would ask at every step. */
const TTL_MS_MIN: Ms = 10_000;
const LOCAL_TTL_MS: Ms = 60_000;

/** What the cache holds: one shape for all types; texts of TXT stand as `addresses`. */
type Held =
  | {
      readonly kind: 'found';
      readonly mx: readonly MxRecord[];
      readonly addresses: readonly string[];
      readonly expiresAt: At;
    }
  | { readonly kind: 'absent'; readonly expiresAt: At }
  | { readonly kind: 'failed'; readonly fault: Fault; readonly tookMs: Ms; readonly expiresAt: At };

type HeldListener = (held: Held) => void;

const lifetimeMs = (outcome: LookupOutcome, failureTtlMs: Ms): Ms => {
  const givenMs = (outcome.ttlSeconds ?? 0) * 1000;
  if (outcome.kind === 'found') return Math.max(givenMs, TTL_MS_MIN);
  if (outcome.kind === 'absent') {
    return Math.min(Math.max(givenMs, TTL_MS_MIN), ABSENCE_TTL_MS_MAX);
  }
  if (outcome.isLocal) return Math.min(TTL_MS_MIN, failureTtlMs);
  return outcome.ttlSeconds === undefined
    ? failureTtlMs
    : Math.min(Math.max(givenMs, TTL_MS_MIN), failureTtlMs);
};

interface Store {
  readonly counts: ResolverCounts;
  find(question: Question, listener: HeldListener): void;
  stop(): void;
}

const countMx = (counts: ResolverCounts, known: unknown): void => {
  counts[known === undefined ? 'mxMisses' : 'mxHits'] += 1;
};

// The cache with the look-ups under way behind it.
const createStore = (options: ResolverOptions, list: ServerList): Store => {
  const { clock } = options;
  const cache = createExpiringCache<Held>(options.cacheEntriesMax ?? CACHE_ENTRIES_MAX);
  const lanes = createLanes({
    youngMax: options.concurrencyMax ?? CONCURRENCY_MAX,
    youngMs: YOUNG_MS,
    runningMax: RUNNING_MAX,
    waitingMax: WAITING_MAX,
  });
  const listeners = new Map<string, HeldListener[]>();
  const cancels = new Set<() => void>();
  const counts: ResolverCounts = { mxHits: 0, mxMisses: 0 };

  const run = (key: string, question: Question, ended: () => void): void => {
    const startedMs = clock.steadyMs();
    const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const cancel = startLookup(question, list, timeoutMs, (outcome) => {
      cancels.delete(cancel);
      ended();
      const { ttlSeconds, ...answer } = outcome;
      const expiresAt = clock.now() + lifetimeMs(outcome, options.failureTtlMs ?? FAILURE_TTL_MS);
      const held: Held =
        answer.kind === 'failed'
          ? { kind: 'failed', fault: answer.fault, tookMs: clock.steadyMs() - startedMs, expiresAt }
          : { ...answer, expiresAt };
      cache.store(key, held);
      settle(key, held);
    });
    cancels.add(cancel);
  };
  function settle(key: string, held: Held): void {
    const waiting = listeners.get(key) ?? [];
    listeners.delete(key);
    for (const listener of waiting) listener(held);
  }
  return {
    counts,
    find: (question, listener) => {
      const key = `${question.type} ${question.name}`;
      const held = cache.find(key, clock.now());
      const others = listeners.get(key);
      if (question.type === 'MX') countMx(counts, held ?? others);
      if (held !== undefined) return listener(held);
      if (others !== undefined) {
        others.push(listener);
        return;
      }
      listeners.set(key, [listener]);
      if (lanes.enter((ended) => run(key, question, ended))) return;
      settle(key, refuse(question, 'FAULT_OVERLOADED', 'too many look-ups wait', clock.now()));
    },
    stop: () => {
      lanes.clear();
      listeners.clear();
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
};

const refuse = (question: Question, code: Fault['code'], cause: string, now: At): Held => ({
  kind: 'failed',
  fault: { code, where: `${question.name} ${question.type}`, cause, retryable: true },
  tookMs: 0,
  expiresAt: now + TTL_MS_MIN,
});

// What the families say as one answer; one that failed does not spoil the other.
const joinFamilies = (host: string, families: readonly Held[]): AddressAnswer => {
  const addresses = families.flatMap((held) => (held.kind === 'found' ? held.addresses : []));
  const expiresAt = families.reduce((at, held) => Math.min(at, held.expiresAt), Infinity);
  if (addresses.length > 0) return { kind: 'found', addresses, expiresAt };
  const faults = families.flatMap((held) => (held.kind === 'failed' ? [held.fault] : []));
  // A fault that may pass says more than the word that there is no such name.
  const fault = faults.find(({ code }) => code !== 'FAULT_DNS_NXDOMAIN') ?? faults[0];
  return { kind: 'failed', fault: fault ?? noAddress(host), expiresAt };
};

const noAddress = (host: string): Fault => ({
  code: 'FAULT_DNS_NXDOMAIN',
  where: host,
  cause: 'no addresses',
  retryable: true,
});

type Family = 'A' | 'AAAA';

// Which family is asked, and which one when the first has nothing.
const FAMILIES: Readonly<
  Record<Exclude<IpLookupStrategy, 'Ipv4AndIpv6'>, readonly [Family, Family?]>
> = {
  Ipv4Only: ['A'],
  Ipv6Only: ['AAAA'],
  Ipv4ThenIpv6: ['A', 'AAAA'],
  Ipv6ThenIpv4: ['AAAA', 'A'],
};

const isLocalhost = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost');

const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

const asMxAnswer = (held: Held): MxAnswer => {
  if (held.kind !== 'found') return held;
  return { kind: 'found', records: held.mx, expiresAt: held.expiresAt };
};

const asTxtAnswer = (held: Held): TxtAnswer => {
  if (held.kind !== 'found') return held;
  return { kind: 'found', texts: held.addresses, expiresAt: held.expiresAt };
};

const textsAt = (name: string): Question => ({ name: plainName(name), type: 'TXT' });

const pickServers = (options: ResolverOptions): readonly DnsServer[] => {
  if (options.servers === undefined) return readServers(options.resolvConfFile);
  return options.servers.map((text) => {
    const server = parseServer(text);
    if (server === undefined) throw new Error(`'${text}' is no DNS server; write ip or ip:port`);
    return server;
  });
};

/** The resolver of this process. A server text that cannot be read is an error at once. */
export const createResolver = (options: ResolverOptions): NodeResolver => {
  const { clock } = options;
  const hosts = readHosts(options.hostsFile);
  const store = createStore(options, { servers: pickServers(options), preferred: 0 });

  const findLocal = (host: string): LocalAddresses | undefined => {
    if (isIP(host) !== 0) return isIPv4(host) ? { v4: [host], v6: [] } : { v4: [], v6: [host] };
    return hosts.get(host) ?? (isLocalhost(host) ? hosts.get('localhost') : undefined);
  };
  const find = (question: Question, listener: HeldListener): void => {
    if (isQueryName(question.name)) store.find(question, listener);
    else listener(refuse(question, 'FAULT_DNS_MALFORMED', 'not a DNS name', clock.now()));
  };
  const findFamily = (host: string, type: 'A' | 'AAAA', listener: HeldListener): void => {
    const local = findLocal(host);
    if (local === undefined) return find({ name: host, type }, listener);
    const addresses = type === 'A' ? local.v4 : local.v6;
    const expiresAt = clock.now() + LOCAL_TTL_MS;
    if (addresses.length === 0) listener({ kind: 'absent', expiresAt });
    else listener({ kind: 'found', mx: [], addresses, expiresAt });
  };
  const findBoth = (host: string, answered: (v4: Held, v6: Held) => void): void => {
    let v4: Held | undefined;
    let v6: Held | undefined;
    findFamily(host, 'A', (held) => {
      v4 = held;
      if (v6 !== undefined) answered(held, v6);
    });
    findFamily(host, 'AAAA', (held) => {
      v6 = held;
      if (v4 !== undefined) answered(v4, held);
    });
  };

  return {
    findMx: (name, answered) => {
      const plain = plainName(name);
      // RFC 6761 section 6.3: questions about localhost do not leave the machine.
      if (isLocalhost(plain)) answered({ kind: 'absent', expiresAt: clock.now() + LOCAL_TTL_MS });
      else find({ name: plain, type: 'MX' }, (held) => answered(asMxAnswer(held)));
    },
    findAddresses: (host, strategy, answered) => {
      const plain = plainName(host);
      if (strategy === 'Ipv4AndIpv6') {
        return findBoth(plain, (v4, v6) => answered(joinFamilies(plain, [v4, v6])));
      }
      const [first, second] = FAMILIES[strategy];
      findFamily(plain, first, (one) => {
        if (one.kind === 'found' || second === undefined) {
          answered(joinFamilies(plain, [one]));
        } else {
          findFamily(plain, second, (two) => answered(joinFamilies(plain, [one, two])));
        }
      });
    },
    findTxt: (name, answered) => find(textsAt(name), (held) => answered(asTxtAnswer(held))),
    stop: store.stop,
    counts: store.counts,
  };
};
