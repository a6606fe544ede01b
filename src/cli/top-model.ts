/**
 * What `waybill top` knows: the sums of every second as series, the providers, the queues it was
 * told of, and what went wrong lately. Everything is bounded, whatever the daemon has.
 * Pure; knows neither HTTP nor screens.
 */
import { History, Rate } from './top-history.ts';

/** One line of the overview. */
export interface SeriesKind {
  readonly key: string;
  readonly title: string;
  /** A rate is made of counters, a level is shown as it is. */
  readonly kind: 'rate' | 'level' | 'bytes';
  /** Metrics that are added up, as `sampleKey` names them. */
  readonly from: readonly string[];
}

const series = (
  key: string,
  title: string,
  kind: SeriesKind['kind'],
  ...from: string[]
): SeriesKind => ({ key, title, kind, from });

/** The overview, from top to bottom. */
export const SERIES: readonly SeriesKind[] = [
  series('delivered', 'Delivered/s', 'rate', 'total_messages_delivered smtp_client'),
  series(
    'received',
    'Received/s',
    'rate',
    'total_messages_received esmtp_listener',
    'total_messages_received http_listener',
  ),
  series('transient', 'Transient/s', 'rate', 'total_messages_transfail smtp_client'),
  series('permanent', 'Permanent/s', 'rate', 'total_messages_fail smtp_client'),
  series('scheduled', 'Scheduled', 'level', 'scheduled_count_total'),
  series('ready', 'Ready', 'level', 'ready_count smtp_client'),
  series('messages', 'Messages', 'level', 'message_count'),
  series('resident', 'Resident', 'level', 'message_data_resident_count'),
  series('memory', 'Memory', 'bytes', 'memory_usage'),
  series('conn_out', 'Conn Out', 'level', 'connection_count smtp_client'),
  series('conn_in', 'Conn In', 'level', 'connection_count esmtp_listener'),
  series('rejections', 'Rejections/s', 'rate', 'smtp_server_rejections total'),
  series('cpu', 'CPU %', 'level', 'process_cpu_usage_sum'),
];

/** Sums that stand in the head. */
export const HEAD_SUMS = [
  'scheduled_queue_count',
  'waybill_ready_queue_count',
  'policy_version',
  'config_epoch',
] as const;

/** The metrics behind all of them. */
export const SUM_NAMES: readonly string[] = [
  ...new Set([
    ...SERIES.flatMap(({ from }) => from.map((key) => key.split(' ')[0] ?? '')),
    ...HEAD_SUMS,
  ]),
];

/** A sample of a sum, by name and service. */
export const sampleKey = (name: string, service: string | undefined): string =>
  service === undefined ? name : `${name} ${service}`;

/** Counters of a provider, and what it has now. */
export interface ProviderCounts {
  readonly delivered: number;
  readonly transient: number;
  readonly permanent: number;
  readonly connections: number;
}

/** A provider as it is shown. */
export interface Provider {
  readonly name: string;
  counts: ProviderCounts;
  /** Messages that wait; undefined where it is not among the first. */
  queued: number | undefined;
  /** How long its oldest message was here when it was told, ms; undefined as above. */
  oldest: { readonly ageMs: number; readonly atMs: number } | undefined;
  readonly rates: Readonly<Record<'delivered' | 'transient' | 'permanent', Rate>>;
  readonly now: { delivered: number; transient: number; permanent: number };
  readonly history: History;
}

/** A queue as the daemon tells of it. */
export interface QueueLine {
  readonly queue_name: string;
  readonly messages: number;
  readonly age: string | null;
  readonly oldest: string | null;
  readonly state: string;
  readonly until: string | null;
  readonly cause: string | null;
  readonly last_error: { readonly at: string; readonly code: number; readonly text: string } | null;
}

/** Faults shown at once. */
const FAULTS_MAX = 4;
/** A fault is shown for so long, ms. */
const FAULT_MS = 30_000;

/** All that is known. */
export class TopModel {
  readonly series = new Map(SERIES.map(({ key }) => [key, new History()]));
  readonly sums = new Map<string, number>();
  providers: readonly Provider[] = [];
  queues: readonly QueueLine[] = [];
  oldest: QueueLine | undefined;
  /** When providers and queues were told, ms of the same clock; undefined: not yet. */
  providersAtMs: number | undefined;
  queuesAtMs: number | undefined;
  readonly #rates = new Map<string, Rate>();
  #faults: { readonly text: string; readonly atMs: number }[] = [];

  /** The sums of one moment. */
  takeSums(samples: ReadonlyMap<string, number>, atMs: number): void {
    for (const name of HEAD_SUMS) this.sums.set(name, samples.get(name) ?? Number.NaN);
    for (const { key, kind, from } of SERIES) {
      const values = from.map((name) => samples.get(name)).filter((value) => value !== undefined);
      const sum = values.reduce((total, value) => total + value, 0);
      const value = values.length === 0 ? Number.NaN : sum;
      this.series.get(key)?.push(kind === 'rate' ? this.#rateOf(key, value, atMs) : value);
    }
  }

  /** A moment of which nothing is known: what was true before it is not shown as true now. */
  missSums(): void {
    this.sums.clear();
    this.oldest = undefined;
    for (const history of this.series.values()) history.push(Number.NaN);
  }

  takeProviders(rows: ReadonlyMap<string, ProviderCounts>, atMs: number): void {
    const known = new Map(this.providers.map((one) => [one.name, one]));
    this.providers = [...rows].map(([name, counts]) => {
      const one = known.get(name) ?? newProvider(name, counts);
      one.counts = counts;
      for (const key of ['delivered', 'transient', 'permanent'] as const) {
        one.now[key] = one.rates[key].look(counts[key], atMs);
      }
      one.history.push(one.now.delivered);
      return one;
    });
    this.providersAtMs = atMs;
  }

  takeDepths(rows: ReadonlyMap<string, { readonly queued: number }>): void {
    for (const one of this.providers) one.queued = rows.get(one.name)?.queued;
  }

  takeAges(rows: ReadonlyMap<string, { readonly seconds: number }>, atMs: number): void {
    for (const one of this.providers) {
      const row = rows.get(one.name);
      one.oldest = row && { ageMs: row.seconds * 1_000, atMs };
    }
  }

  takeQueues(lines: readonly QueueLine[], atMs: number): void {
    this.queues = lines;
    this.queuesAtMs = atMs;
  }

  fault(text: string, atMs: number): void {
    const others = this.#faults.filter((one) => one.text !== text);
    this.#faults = [...others, { text, atMs }].slice(-FAULTS_MAX);
  }

  /** What went wrong of late, oldest first. */
  faults(atMs: number): readonly string[] {
    return this.#faults.filter((one) => atMs - one.atMs < FAULT_MS).map(({ text }) => text);
  }

  /** The newest value of a series; NaN where it is not known. */
  now(key: string): number {
    return this.series.get(key)?.last ?? Number.NaN;
  }

  #rateOf(key: string, value: number, atMs: number): number {
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      rate = new Rate();
      this.#rates.set(key, rate);
    }
    return rate.look(value, atMs);
  }
}

const newProvider = (name: string, counts: ProviderCounts): Provider => ({
  name,
  counts,
  queued: undefined,
  oldest: undefined,
  rates: { delivered: new Rate(), transient: new Rate(), permanent: new Rate() },
  now: { delivered: Number.NaN, transient: Number.NaN, permanent: Number.NaN },
  history: new History(),
});
