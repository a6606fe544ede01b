/**
 * The engine in numbers, for metrics: what is counted, and walks over queues and ready queues that
 * may take as long as their reader wants while the engine goes on. A walk shows each thing at most
 * once, and all that live throughout it: what is opened after it began is left to the next.
 * `undefined` in a walk means that nothing was found for a while: a place to rest.
 */
import type { QueueRow } from '../domain/books.ts';
import type { Histogram } from '../domain/histogram.ts';
import type { StsCounts } from '../domain/mta-sts-policies.ts';
import { UNSPECIFIED } from '../domain/options-egress.ts';
import { parseQueueName } from '../domain/queue-name.ts';
import { SumTable } from '../domain/sum-table.ts';
import type { Core, Delays, ReadyQueue } from './core.ts';
import type { Measures, SharedCounts } from './measures.ts';
import { providerOf } from './measures.ts';

/** Something of a walk, or a place to rest. */
export type Walk<T> = Generator<T | undefined, void>;

/** Messages by some texts. */
export interface Sum {
  readonly labels: readonly string[];
  readonly sum: number;
}

/** By what messages of queues are added up. */
export type SumBy = 'domain' | 'tenant' | 'tenantCampaign' | 'provider' | 'providerPool';

/** One number each, as of now. */
export interface EngineNumbers {
  readonly messages: number;
  readonly scheduled: number;
  readonly queues: number;
  readonly hotRows: number;
  readonly hotBodies: number;
  readonly hotBodyBytes: number;
  readonly readyQueues: number;
  readonly sessions: number;
  readonly readyRows: number;
  /** Attempts whose outcome is not known, since the data directory began. */
  readonly unknownAttempts: number;
  /** Bodies in memory only (deferred_spool), and what they take. */
  readonly deferredBodies: number;
  readonly deferredBytes: number;
  /** Messages that began so, those that were stored after all, and recipients lost so. */
  readonly deferred: number;
  readonly deferredStored: number;
  readonly lost: number;
  readonly position: number;
  readonly turn: number;
  readonly turns: number;
  readonly records: number;
  readonly inputs: number;
  readonly inFlight: number;
  readonly inbox: number;
}

/** MTA-STS in numbers. */
export interface TlsNumbers extends StsCounts {
  /** Routes that ended because an enforced policy allows none of the exchangers. */
  readonly impossible: number;
  readonly policies: number;
}

/** What the engine shows of itself. */
export interface Figures {
  readonly measures: Measures;
  readonly delays: Delays;
  readonly commitSeconds: Histogram;
  readonly turnRecords: Histogram;
  numbers(): EngineNumbers;
  tls(): TlsNumbers;
  /** Scheduled queues with the messages in them that no ready queue and no connection has. */
  queues(): Walk<{ readonly name: string; readonly scheduled: number }>;
  /** How long the oldest message of each provider is here, ms. */
  ages(): Walk<Sum>;
  /** Messages of scheduled queues, added up: by provider all, otherwise as in `queues`. */
  sums(by: SumBy): Walk<Sum>;
  readyQueues(): Walk<ReadyQueue>;
  shared(among: 'providers' | 'homes' | 'lanes'): Walk<SharedCounts>;
}

/** A walk rests after so many steps without a find. */
const STEPS_MAX = 16;

/** The figures of an engine. */
export const figuresOf = (core: Core, tables = new Tables()): Figures => ({
  measures: core.measures,
  delays: core.delays,
  commitSeconds: core.turns.commitSeconds,
  turnRecords: core.turns.turnRecords,
  numbers: () => numbersOf(core),
  tls: () => ({
    ...core.sts.counts,
    impossible: core.tallies.stsImpossible,
    policies: core.sts.size,
  }),
  queues: () => walkCounts(core),
  ages: () => walkAges(core, tables),
  sums: (by) => walkSums(core, tables, by),
  readyQueues: () => walkBorn(core, core.readyQueues, (ready) => ready.counts.born),
  shared: (among) => walkBorn(core, core.measures[among], (counts) => counts.born),
});

function numbersOf(core: Core): EngineNumbers {
  const { books, held, turns, placed, spool, ports } = core;
  const inMemory = ports.bodies.deferred?.() ?? { bodies: 0, bytes: 0 };
  const { counts } = turns;
  return {
    messages: books.rows.count,
    scheduled: books.rows.count - placed.total,
    queues: books.queueCount,
    hotRows: held.hotRows,
    hotBodies: held.hotBodies,
    hotBodyBytes: held.hotBodyBytes,
    readyQueues: core.readyQueues.size,
    sessions: core.sessions.size,
    readyRows: placed.total - core.offers.size,
    unknownAttempts: books.ledger.unknown,
    deferredBodies: inMemory.bodies,
    deferredBytes: inMemory.bytes,
    deferred: spool.counts.deferred,
    deferredStored: spool.counts.stored,
    lost: books.ledger.lost,
    position: turns.position - 1,
    turn: turns.turn,
    turns: counts.turns,
    records: counts.records,
    inputs: counts.inputs,
    inFlight: turns.inFlight,
    inbox: turns.waitingReports + turns.waitingSubmissions,
  };
}

/** Queues by slot: each keeps its own, and one that was opened since is known by its ordinal. */
function* walkQueues({ books }: Core): Walk<QueueRow> {
  const upto = books.queuesOpened;
  let steps = 0;
  for (let slot = 0; slot < books.queues.length; slot += 1) {
    const row = books.queues[slot];
    if (row !== undefined && (books.openedAs[slot] as number) < upto) {
      steps = 0;
      yield row;
      continue;
    }
    steps += 1;
    if (steps % STEPS_MAX === 0) yield undefined;
  }
}

function* walkCounts(core: Core): Walk<{ name: string; scheduled: number }> {
  for (const row of walkQueues(core)) {
    yield row && { name: row.name, scheduled: row.count - core.placed.of(row.slot) };
  }
}

/** A Map may be walked while it changes; what left it and came back has a later ordinal. */
function* walkBorn<T>({ measures }: Core, among: Map<string, T>, bornOf: (one: T) => number) {
  const upto = measures.born;
  let steps = 0;
  for (const one of among.values()) {
    if (bornOf(one) < upto) yield one;
    steps += 1;
    if (steps % STEPS_MAX === 0) yield undefined;
  }
}

/**
 * One table is kept for the next walk: memory outside of V8's heap that is asked for anew each time
 * would have it look through all of the heap for garbage, which holds up the mail.
 */
class Tables {
  #spare: SumTable | undefined;

  take(keysMax: number): SumTable {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare !== undefined && spare.room >= keysMax ? spare : new SumTable(keysMax);
  }

  giveBack(table: SumTable): void {
    table.clear();
    this.#spare = table;
  }
}

function* walkSums(core: Core, tables: Tables, by: SumBy): Walk<Sum> {
  const keyOf = by === 'provider' || by === 'providerPool' ? yield* readSites(core, by) : KEYS[by];
  const isPair = by === 'tenantCampaign' || by === 'providerPool';
  const isWhole = by === 'provider' || by === 'providerPool';
  yield* walkTable(core, tables, isPair, (sums, row) => {
    const key = keyOf(row);
    if (key === undefined) return;
    sums.add(key, isWhole ? row.count : row.count - core.placed.of(row.slot));
  });
}

function* walkAges(core: Core, tables: Tables): Walk<Sum> {
  const { books, ports } = core;
  const keyOf = yield* readSites(core, 'provider');
  const now = ports.clock.now();
  yield* walkTable(core, tables, false, (ages, row) => {
    const key = row.count === 0 ? undefined : keyOf(row);
    if (key === undefined) return;
    ages.raise(key, Math.max(0, now - (books.rows.columns.acceptedAt[row.head] as number)));
  });
}

type Put = (sums: SumTable, row: QueueRow) => void;

function* walkTable(core: Core, tables: Tables, isPair: boolean, put: Put): Walk<Sum> {
  const sums = tables.take(core.books.queueCount);
  try {
    yield* fillTable(core, sums, isPair, put);
  } finally {
    tables.giveBack(sums);
  }
}

function* fillTable(core: Core, sums: SumTable, isPair: boolean, put: Put): Walk<Sum> {
  let steps = 0;
  for (const row of walkQueues(core)) {
    steps += 1;
    if (steps % STEPS_MAX === 0) yield undefined;
    if (row !== undefined) put(sums, row);
  }
  for (let index = 0; index < sums.keys.length; index += 1) {
    const key = sums.keys[index] as string;
    yield { labels: isPair ? splitPair(key) : [key], sum: sums.sumAt(index) };
  }
}

/** Two texts as one that can be told apart, whatever is in them. */
const joinPair = (a: string, b: string): string => `${a.length}:${a}${b}`;

function splitPair(pair: string): [string, string] {
  const from = pair.indexOf(':') + 1;
  const upto = from + Number.parseInt(pair, 10);
  return [pair.slice(from, upto), pair.slice(upto)];
}

type KeyOf = (row: QueueRow) => string | undefined;

const KEYS: Readonly<Record<'domain' | 'tenant' | 'tenantCampaign', KeyOf>> = {
  // Most names are a domain and nothing else.
  domain: ({ name }) => (/[@!]/.test(name) ? parseQueueName(name).domain : name),
  tenant: ({ name }) => (name.includes('@') ? parseQueueName(name).tenant : undefined),
  tenantCampaign: ({ name }) => {
    if (!name.includes('@')) return undefined;
    const { tenant, campaign } = parseQueueName(name);
    return campaign === undefined ? undefined : joinPair(tenant ?? '', campaign);
  },
};

/** The provider of a queue is that of its site, as far as a path towards it says so. */
function* readSites(core: Core, by: 'provider' | 'providerPool'): Generator<undefined, KeyOf> {
  const providers = new Map<string, string>();
  let steps = 0;
  for (const { path, site } of core.readyQueues.values()) {
    const provider = providerOf(path, site.site);
    if (provider !== site.site) providers.set(site.site, provider);
    steps += 1;
    if (steps % STEPS_MAX === 0) yield undefined;
  }
  const providerAt = ({ site }: QueueRow): string | undefined =>
    site === '' ? undefined : (providers.get(site) ?? site);
  if (by === 'provider') return providerAt;
  return (row) => {
    const provider = providerAt(row);
    if (provider === undefined) return undefined;
    const { egress_pool } = core.answers.recordedQueueConfig(row.answer);
    return joinPair(provider, egress_pool ?? UNSPECIFIED);
  };
}
