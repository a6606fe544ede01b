/**
 * What the engine counts for metrics. Counters belong to the thing they are about: a ready queue
 * holds its own and those it shares with others of its provider, so counting is an addition to a
 * few known objects, and what is let go takes its series with it. Totals stay for the life of the
 * process. Deliberately unknown here: names of metrics, and who reads.
 */
import { Histogram } from '../domain/histogram.ts';
import { UNSPECIFIED } from '../domain/options-egress.ts';
import type { VerdictKind } from '../domain/reply.ts';
import type { Submission } from '../intake/host.ts';
import type { Core, ReadyQueue } from './core.ts';

/** How late rows are rung, s. */
const TARDINESS_BOUNDS = [0.25, 0.5, 1, 2.5, 5, 10, 15] as const;

/** Outcomes of attempts, recipient by recipient. */
export interface OutcomeCounts {
  delivered: number;
  transient: number;
  permanent: number;
}

/** What a service (all of SMTP, or one ready queue) counts. */
export interface ServiceCounts extends OutcomeCounts {
  /** Connections begun. */
  opened: number;
  /** Times that mail met it full. */
  full: number;
  /** Connections cut because they made no progress. */
  aborted: number;
}

/** Counts that several ready queues share; gone with the last of them. */
export interface SharedCounts extends OutcomeCounts {
  readonly provider: string;
  /** Empty for what counts over all sources and pools. */
  readonly source: string;
  readonly pool: string;
  /** Open connections. */
  connections: number;
  /** Ready queues that hold it. */
  holders: number;
  /** When it came, in the order of all that is counted here. */
  readonly born: number;
}

/** The counts of a ready queue. */
export interface ReadyCounts extends ServiceCounts {
  readonly born: number;
  /** The pool of the queue it was opened for: its connections count there. */
  readonly pool: string;
  provider: SharedCounts;
  /** The same by provider and pool, for connections. */
  home: SharedCounts;
  /** By provider, source and pool: one for each pool that has sent through it. */
  lanes: SharedCounts[];
}

const newOutcomes = (): OutcomeCounts => ({ delivered: 0, transient: 0, permanent: 0 });

const newService = (): ServiceCounts => ({ ...newOutcomes(), opened: 0, full: 0, aborted: 0 });

/** Everything counted, and the counts that ready queues share. */
export class Measures {
  readonly totals: ServiceCounts = newService();
  readonly providers = new Map<string, SharedCounts>();
  readonly homes = new Map<string, SharedCounts>();
  readonly lanes = new Map<string, SharedCounts>();
  /** Messages received, by service: transactions of SMTP, recipients of HTTP. */
  readonly received = { esmtp: 0, http: 0 };
  /** Transactions by SMTP listener (`ip:port`). */
  readonly receivedAt = new Map<string, { count: number }>();
  readonly rejectedAt = new Map<string, { count: number }>();
  rejected = 0;
  /** Routes asked for, and how they ended. */
  readonly routes = { asked: 0, found: 0, failed: 0 };
  /** Span of a message on its connection, s. */
  readonly deliverSeconds = new Histogram();
  readonly tardinessSeconds = new Histogram(TARDINESS_BOUNDS);
  #born = 0;

  /** Ordinal for what comes next; all that is there already has a smaller one. */
  get born(): number {
    return this.#born;
  }

  /** The counts of a new ready queue. */
  open(ready: { readonly provider: string; readonly source: string; readonly pool: string }) {
    const { provider, source, pool } = ready;
    const counts: ReadyCounts = {
      ...newService(),
      born: this.#next(),
      pool,
      ...this.#share(provider, source, pool),
    };
    return counts;
  }

  /** A ready queue is let go. */
  close({ provider, home, lanes }: Pick<ReadyCounts, 'provider' | 'home' | 'lanes'>): void {
    letGo(this.providers, provider.provider, provider);
    letGo(this.homes, keyOf(home), home);
    for (const lane of lanes) letGo(this.lanes, keyOf(lane), lane);
  }

  /** The path of a ready queue names another provider: it counts there from here on. */
  move(counts: ReadyCounts, provider: string, source: string, connections: number): void {
    const old = { provider: counts.provider, home: counts.home, lanes: counts.lanes };
    Object.assign(counts, this.#share(provider, source, counts.pool));
    countConnections(old, -connections);
    countConnections(counts, connections);
    this.close(old);
  }

  /** The counts of a pool's mail through a ready queue. */
  laneOf(counts: ReadyCounts, source: string, pool: string): SharedCounts {
    for (const lane of counts.lanes) if (lane.pool === pool) return lane;
    const { provider } = counts.provider;
    const lane = this.#hold(this.lanes, { provider, source, pool });
    counts.lanes.push(lane);
    return lane;
  }

  #share(provider: string, source: string, pool: string) {
    return {
      provider: this.#hold(this.providers, { provider, source: '', pool: '' }, provider),
      home: this.#hold(this.homes, { provider, source: '', pool }),
      lanes: [this.#hold(this.lanes, { provider, source, pool })],
    };
  }

  #hold(
    among: Map<string, SharedCounts>,
    labels: Pick<SharedCounts, 'provider' | 'source' | 'pool'>,
    key = keyOf(labels),
  ): SharedCounts {
    let counts = among.get(key);
    if (counts === undefined) {
      const born = this.#next();
      counts = { ...newOutcomes(), ...labels, connections: 0, holders: 0, born };
      among.set(key, counts);
    }
    counts.holders += 1;
    return counts;
  }

  #next(): number {
    this.#born += 1;
    return this.#born - 1;
  }
}

const keyOf = ({ provider, source, pool }: Pick<SharedCounts, 'provider' | 'source' | 'pool'>) =>
  JSON.stringify([provider, source, pool]);

function letGo(among: Map<string, SharedCounts>, key: string, counts: SharedCounts): void {
  counts.holders -= 1;
  if (counts.holders === 0) among.delete(key);
}

function countConnections({ provider, home }: Pick<ReadyCounts, 'provider' | 'home'>, by: number) {
  provider.connections += by;
  home.connections += by;
}

/** The name under which the metrics of a path add up: its provider, or the site itself. */
export const providerOf = (path: { readonly provider_name?: string | undefined }, site: string) =>
  path.provider_name ?? site;

/** Recipients of a row of `slot` got this through `ready`. */
export function countOutcomes(
  core: Core,
  ready: ReadyQueue,
  slot: number,
  kind: VerdictKind,
  recipients: number,
): void {
  const { measures, answers, books } = core;
  const { counts } = ready;
  const { egress_pool } = answers.recordedQueueConfig(books.queueOfRow(slot).answer);
  const lane = measures.laneOf(counts, ready.source.name, egress_pool ?? UNSPECIFIED);
  measures.totals[kind] += recipients;
  counts[kind] += recipients;
  counts.provider[kind] += recipients;
  lane[kind] += recipients;
}

/** A connection begins. */
export function countOpened({ measures }: Core, { counts }: ReadyQueue): void {
  measures.totals.opened += 1;
  counts.opened += 1;
  countConnections(counts, 1);
}

/** A connection is gone. */
export function countClosed({ counts }: ReadyQueue): void {
  countConnections(counts, -1);
}

/** Mail met a full ready queue. */
export function countFull({ measures }: Core, { counts }: ReadyQueue): void {
  measures.totals.full += 1;
  counts.full += 1;
}

/** A connection was cut because it made no progress. */
export function countAborted({ measures }: Core, { counts }: ReadyQueue): void {
  measures.totals.aborted += 1;
  counts.aborted += 1;
}

/** New mail was taken. */
export function countReceived({ measures }: Core, submission: Submission): void {
  // Nobody brought it.
  if (submission.service === 'ndr') return;
  if (submission.service === 'http') {
    for (const { to } of submission.messages) measures.received.http += to.length;
    return;
  }
  measures.received.esmtp += 1;
  countAt(measures.receivedAt, submission.listener);
}

/** A client was refused at this listener. */
export function countRejected({ measures }: Core, listener: string): void {
  measures.rejected += 1;
  countAt(measures.rejectedAt, listener);
}

function countAt(among: Map<string, { count: number }>, place: string): void {
  const known = among.get(place);
  if (known === undefined) among.set(place, { count: 1 });
  else known.count += 1;
}
