/**
 * Results as people read them: columns that stand under each other, names in their natural order,
 * JSON for programs. Text that came from elsewhere is made harmless. Knows no command.
 */
import { count, harmless, print } from './terminal.ts';

/** A cell: numbers are grouped and stand to the right. */
export type Cell = string | number;

/** Between two columns. */
const GAP = 2;

const show = (cell: Cell): string => (typeof cell === 'number' ? count(cell) : harmless(cell));

/** How wide each column is, its title counted. */
const widthsOf = (head: readonly string[], texts: readonly (readonly string[])[]): number[] =>
  head.map((title, at) =>
    texts.reduce((most, row) => Math.max(most, (row[at] ?? '').length), title.length),
  );

/** Lines of a table; nothing stands behind the last column. */
export const formatTable = (
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string => {
  const texts = rows.map((row) => row.map(show));
  const widths = widthsOf(head, texts);
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

/**
 * A table for a terminal of so many columns: what is too wide comes in parts, one below the other,
 * each with the first column again. A cell that is wider than the terminal is left as it is.
 */
export const formatTableIn = (
  columns: number,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string => {
  const widths = widthsOf(
    head,
    rows.map((row) => row.map(show)),
  );
  const [first = 0] = widths;
  const parts: number[][] = [];
  let width = columns + 1;
  for (const [at, one] of widths.entries()) {
    if (at === 0) continue;
    if (width + GAP + one > columns || parts.length === 0) {
      parts.push([0]);
      width = first;
    }
    parts.at(-1)?.push(at);
    width += GAP + one;
  }
  const pick = <T>(cells: readonly T[], part: readonly number[]): T[] =>
    part.flatMap((at) => (cells[at] === undefined ? [] : [cells[at]]));
  const shown = parts.length === 0 ? [[0]] : parts;
  return shown
    .map((part) =>
      formatTable(
        pick(head, part),
        rows.map((row) => pick(row, part)),
      ),
    )
    .join('\n\n');
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
