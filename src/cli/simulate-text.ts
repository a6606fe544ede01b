/**
 * A simulated day for the terminal: sentences and tables, the longest cut.
 * Prints nothing itself, and knows no simulation.
 */
import process from 'node:process';
import type { DayReport } from '../testing/testing.ts';
import { daySentences, dayTables } from './simulate-tables.ts';
import { formatTableIn } from './table.ts';
import { harmless, paint } from './terminal.ts';

/** Rows of a table that are shown; hours of two days, and all in all. */
const ROWS_MAX = 49;
const LONG_ROWS_MAX = 20;

/** What is no terminal has no width. */
const widthOf = ({ isTTY, columns }: NodeJS.WriteStream): number =>
  isTTY === true ? columns : Number.POSITIVE_INFINITY;

/** The report for people. */
export function describeDay(report: DayReport, columns = widthOf(process.stdout)): string {
  const tables = dayTables(report).map(({ title, head, rows }) => {
    const most = title === 'By hour' ? ROWS_MAX : LONG_ROWS_MAX;
    const cut = rows.length - most;
    // What stands last in the hours is all of them.
    const shown =
      cut > 0 && title === 'By hour'
        ? [...rows.slice(0, most - 1), ...rows.slice(-1)]
        : rows.slice(0, most);
    const more = cut > 0 ? [`and ${cut} more; --json and --html have all`] : [];
    return [
      paint(process.stdout, 'bold', title),
      formatTableIn(columns, head, shown),
      ...more,
    ].join('\n');
  });
  return [daySentences(report).map(harmless).join('\n'), ...tables].join('\n\n');
}
