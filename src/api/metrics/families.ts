/**
 * What a metric is here: a definition that the documents are made of, and how its series are read
 * from what a scrape may see. Series are read one by one, so nothing is gathered for a scrape.
 * Deliberately unknown here: text, JSON, HTTP, and what is measured.
 */
import type { Histogram } from '../../domain/histogram.ts';

/** Kinds of metrics, by Prometheus' names. */
export type MetricType = 'counter' | 'gauge' | 'histogram';

/** One value, with the values of the family's labels in their order. */
export interface Series {
  readonly labels: readonly string[];
  readonly value: number;
  /** Sums up others of its family: always shown, and no part of a choice of the greatest. */
  readonly isTotal?: boolean;
}

/** Series of a histogram. */
export interface HistogramSeries {
  readonly labels: readonly string[];
  readonly histogram: Pick<Histogram, 'bounds' | 'counts' | 'sum'>;
}

/** What a family yields; undefined is a place to rest. */
export type Read<S> = Iterable<S | undefined>;

/** What documents say of a metric. */
export interface Definition {
  readonly name: string;
  readonly type: MetricType;
  readonly labels: readonly string[];
  readonly help: string;
  /** How its number of series grows: where that is without a bound, the greatest may be chosen. */
  readonly per?: string;
  /** What stands for those that are not among the chosen; their sum where nothing is said. */
  readonly rest?: 'greatest';
}

/** A metric of plain values. */
export interface ValueFamily<From> extends Definition {
  readonly type: 'counter' | 'gauge';
  readonly read: (from: From) => Read<Series> | Promise<Read<Series>>;
  /** Its few series that sum up others, where the others are without a bound. */
  readonly totals?: (from: From) => Read<Series>;
}

/** A metric of histograms. */
export interface HistogramFamily<From> extends Definition {
  readonly type: 'histogram';
  readonly read: (from: From) => Read<HistogramSeries>;
}

/** A metric that is read from `From`. */
export type Family<From> = ValueFamily<From> | HistogramFamily<From>;

type ValueType = ValueFamily<unknown>['type'];

/** A metric without labels; undefined is not shown. */
export const single = <From>(
  type: ValueType,
  name: string,
  help: string,
  value: (from: From) => number | undefined,
): Family<From> => ({
  name,
  type,
  labels: [],
  help,
  read: (from) => {
    const now = value(from);
    return now === undefined ? [] : [{ labels: [], value: now }];
  },
});

/** A metric whose series are listed. */
export const listed = <From>(
  type: ValueType,
  name: string,
  help: string,
  labels: readonly string[],
  read: ValueFamily<From>['read'],
  per?: string,
  totals?: ValueFamily<From>['totals'],
): Family<From> => ({
  ...{ name, type, labels, help, read },
  ...(per === undefined ? {} : { per }),
  ...(totals === undefined ? {} : { totals }),
});

/** A histogram without labels; undefined is not shown. */
export const distribution = <From>(
  name: string,
  help: string,
  find: (from: From) => HistogramSeries['histogram'] | undefined,
): Family<From> => ({
  name,
  type: 'histogram',
  labels: [],
  help,
  read: (from) => {
    const histogram = find(from);
    return histogram === undefined ? [] : [{ labels: [], histogram }];
  },
});

/** Series of counts by one label. */
export function* countsOf(counts: Iterable<readonly [string, number]> | undefined): Read<Series> {
  for (const [label, value] of counts ?? []) yield { labels: [label], value };
}
