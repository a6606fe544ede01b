/**
 * Story: the terminal has 60 columns. A table that is wider comes in parts, each with its first
 * column; nothing is left out, and what is no terminal is shown as ever.
 * Deliberately unknown here: what the figures mean.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable, formatTableIn } from '../../src/cli/table.ts';

const HEAD = Array.from({ length: 12 }, (_, at) => `column ${at}`);
const ROWS = Array.from({ length: 5 }, (_, row) =>
  HEAD.map((_title, at) => (at === 0 ? `name ${row}` : (row + 1) * 10 ** (at % 7))),
);
const COLUMNS = 60;

test('a wide table comes in parts', () => {
  const text = formatTableIn(COLUMNS, HEAD, ROWS);
  const lines = text.split('\n');
  for (const line of lines) assert.ok(line.length <= COLUMNS, line);
  const parts = text.split('\n\n').map((part) => part.split('\n'));
  for (const part of parts) {
    assert.equal(part.length, ROWS.length + 1);
    assert.match(part[0] ?? '', /^column 0 /);
    assert.match(part[1] ?? '', /^name 0 /);
  }
  const titles = parts.flatMap(([head = '']) => head.match(/column \d+/g) ?? []);
  assert.deepEqual(
    titles.filter((title) => title !== 'column 0'),
    HEAD.slice(1),
  );
});

test('what fits, or is for no terminal, stays whole', () => {
  assert.equal(formatTableIn(Number.POSITIVE_INFINITY, HEAD, ROWS), formatTable(HEAD, ROWS));
  const small = [HEAD.slice(0, 3), ROWS.map((row) => row.slice(0, 3))] as const;
  assert.equal(formatTableIn(COLUMNS, ...small), formatTable(...small));
  const one = [['a'], [['x'], ['y']]] as const;
  assert.equal(formatTableIn(1, ...one), formatTable(...one));
  const long = [['a', 'b', 'c'], [['x', 'y'.repeat(COLUMNS), 'z']]] as const;
  assert.match(formatTableIn(COLUMNS, ...long), /^a {2}b\nx {2}y{60}\n\na {2}c\nx {2}z$/);
});
