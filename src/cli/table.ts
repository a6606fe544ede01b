/**
 * Results as people read them: columns that stand under each other, names in their natural order,
 * JSON for programs. Text that came from elsewhere is made harmless. Knows no command.
 */
import { count, harmless, print } from './terminal.ts';

/** A cell: numbers are grouped and stand to the right. */
export type Cell = string | number;

const show = (cell: Cell): string => (typeof cell === 'number' ? count(cell) : harmless(cell));

/** Lines of a table; nothing stands behind the last column. */
export const formatTable = (
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string => {
  const texts = rows.map((row) => row.map(show));
  const widths = head.map((title, at) =>
    texts.reduce((most, row) => Math.max(most, (row[at] ?? '').length), title.length),
  );
  const isRight = head.map((_, at) => rows.length > 0 && rows.every((row) => isNumber(row[at])));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return isRight[at] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(head), ...texts.map(line)].join('\n');
};

const isNumber = (cell: Cell | undefined): boolean => typeof cell === 'number';

const collator = new Intl.Collator('en', { numeric: true });

/** The order of names in which 9 comes before 10. */
export const byName = (a: string, b: string): number => collator.compare(a, b);

/** One line for programs, or what people are shown. */
export const answer = (isJson: boolean | undefined, value: unknown, shown: () => string): void =>
  print(isJson === true ? JSON.stringify(value) : shown());

/** Names and values, one a line, the values under each other. */
export const formatPairs = (pairs: readonly (readonly [name: string, value: string])[]): string => {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${harmless(value)}`).join('\n');
};
