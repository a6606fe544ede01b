/**
 * Rows for people (a table), for programs (JSON lines) and for spreadsheets (CSV, RFC 4180). Knows
 * no query.
 */

/** How rows are printed. */
export type RowFormat = 'table' | 'json' | 'csv';

/** A cell of a table is cut to this many characters; the other formats cut nothing. */
const CELL_CHARS_MAX = 60;

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
};

const cellOf = (value: unknown): string => {
  const text = textOf(value).replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ');
  return text.length > CELL_CHARS_MAX ? `${text.slice(0, CELL_CHARS_MAX - 1)}…` : text;
};

const asTable = (columns: readonly string[], rows: readonly (readonly unknown[])[]): string[] => {
  const cells = rows.map((row) => row.map(cellOf));
  const names = columns.map(cellOf);
  const widths = names.map((name, at) =>
    cells.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), name.length),
  );
  const isNumber = columns.map(
    (_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === 'number'),
  );
  const line = (words: readonly string[]): string =>
    words
      .map((word, at) => {
        const width = widths[at] ?? 0;
        return isNumber[at] ? word.padStart(width) : word.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(names), rule, ...cells.map(line)];
};

const csvField = (value: unknown): string => {
  const text = textOf(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const jsonOf = (value: unknown): unknown =>
  value instanceof Uint8Array ? textOf(value) : (value ?? null);

const asObject = (columns: readonly string[], row: readonly unknown[]): object =>
  Object.fromEntries(columns.map((name, at) => [name, jsonOf(row[at])]));

/** All rows as lines. */
export const formatRows = (
  format: RowFormat,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): string[] => {
  if (format === 'json') return rows.map((row) => JSON.stringify(asObject(columns, row)));
  if (format === 'table') return asTable(columns, rows);
  return [columns, ...rows].map((row) => `${row.map(csvField).join(',')}\r`);
};
