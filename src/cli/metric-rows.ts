/**
 * Gathers metrics of several families into one row for each name, and never more rows than the
 * daemon is asked for: what it sums up as the rest is counted apart. Knows no command.
 */
import type { DaemonClient } from './client.ts';
import type { Label } from './metrics-reader.ts';
import { readMetrics } from './metrics-reader.ts';

/** Series of a family in one answer: the most that a daemon shows as the greatest. */
export const SERIES_MAX = 10_000;

/** Rows by name, and what is in none of them. */
export interface Rows<Column extends string> {
  readonly rows: ReadonlyMap<string, Readonly<Record<Column, number>>>;
  /** Sums over the series that were not shown one by one; a column is absent where all were. */
  readonly others: Partial<Readonly<Record<Column, number>>>;
}

/** Where the values of a column come from. */
export type Sources<Column extends string> = Readonly<Record<Column, string>>;

/** What stands in all labels of the rest. */
const OTHER = 'other';

/**
 * Reads families into columns; `nameOf` says whose row a series is in, undefined: in none. Several
 * series of one name are added up.
 */
export async function readRows<Column extends string>(
  client: DaemonClient,
  sources: Sources<Column>,
  nameOf: (label: Label) => string | undefined,
  top = SERIES_MAX,
): Promise<Rows<Column>> {
  const columns = Object.keys(sources) as Column[];
  const byFamily = new Map(columns.map((column) => [sources[column], column]));
  const rows = new Map<string, Record<Column, number>>();
  const others: Partial<Record<Column, number>> = {};
  const seen = new Map<Column, number>();
  const blank = (): Record<Column, number> =>
    Object.fromEntries(columns.map((column) => [column, 0])) as Record<Column, number>;
  await readMetrics(
    client,
    { name: Object.values<string>(sources), top },
    (family, label, value) => {
      const column = byFamily.get(family);
      const name = nameOf(label);
      if (column === undefined || name === undefined) return;
      const count = (seen.get(column) ?? 0) + 1;
      seen.set(column, count);
      // With fewer than were asked for there is no rest: then it is a name like any other.
      if (name === OTHER && count > top) {
        others[column] = value;
        return;
      }
      let row = rows.get(name);
      if (row === undefined) {
        row = blank();
        rows.set(name, row);
      }
      row[column] += value;
    },
  );
  return { rows, others };
}

/** The sentence for what was left out, if anything was. */
export const describeOthers = (
  others: Readonly<Record<string, number | undefined>>,
  what: string,
) =>
  Object.keys(others).length === 0
    ? undefined
    : `only the ${SERIES_MAX.toLocaleString('en-US')} greatest ${what} of each number are here; ` +
      'curl /metrics gives all of them';
