/**
 * Rules about size and form: lines, functions, files, headers, a sentence for each export.
 * The one idea: what must fit on a screen is counted, not judged.
 * Deliberately unknown here: what the code means and which folder it stands in.
 */
import ts from 'typescript';
import type { Rule, Source, Violation } from './sources.ts';
import { breachAt, walk } from './sources.ts';

const LINE_CHARS_MAX = 100;
const FUNCTION_LINES_MAX = 60;
const FILE_LINES_MAX = 300;
const HEADER_LINES_MIN = 2;
const HEADER_LINES_MAX = 6;

/** No line is longer than 100 characters. */
export const linesFit: Rule = ({ path, lines }) =>
  lines.flatMap((text, at) =>
    text.length > LINE_CHARS_MAX
      ? [
          {
            path,
            line: at + 1,
            what: `line of ${text.length} characters, at most ${LINE_CHARS_MAX}`,
          },
        ]
      : [],
  );

/** No file is longer than 300 lines. */
export const filesFit: Rule = ({ path, lines }) => {
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count <= FILE_LINES_MAX) return [];
  return [{ path, line: count, what: `file of ${count} lines, at most ${FILE_LINES_MAX}` }];
};

/** No function is longer than 60 lines. */
export const functionsFit: Rule = (source) => {
  const found: Violation[] = [];
  walk(source.tree, (node) => {
    if (!ts.isFunctionLike(node) || isSuite(node)) return;
    const start = source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line;
    const end = source.tree.getLineAndCharacterOfPosition(node.getEnd()).line;
    const count = end - start + 1;
    if (count <= FUNCTION_LINES_MAX) return;
    found.push(breachAt(source, node, `function of ${count} lines, at most ${FUNCTION_LINES_MAX}`));
  });
  return found;
};

/** The callback of `describe` is a heading over tests, not a function anyone reads as one. */
function isSuite(node: ts.Node): boolean {
  const call = node.parent;
  if (!ts.isCallExpression(call)) return false;
  return ts.isIdentifier(call.expression) && call.expression.text === 'describe';
}

/** Every file opens with a header of two to six lines (a `#!` line may stand before it). */
export const headersStand: Rule = ({ path, text }) => {
  const body = text.startsWith('#!') ? text.slice(text.indexOf('\n') + 1) : text;
  const header = /^\/\*\*([\s\S]*?)\*\//.exec(body)?.[1];
  if (header === undefined) return [{ path, line: 1, what: 'no /** header at the top' }];
  const count = header.split('\n').filter((line) => /[^\s*]/.test(line)).length;
  if (count >= HEADER_LINES_MIN && count <= HEADER_LINES_MAX) return [];
  const bounds = `${HEADER_LINES_MIN} to ${HEADER_LINES_MAX}`;
  return [{ path, line: 1, what: `header of ${count} lines, should be ${bounds}` }];
};

/** Every export carries its sentence. */
export const exportsAreDescribed: Rule = (source) =>
  source.tree.statements
    .filter((statement) => isExported(statement) && !isDescribed(source, statement))
    .map((statement) => breachAt(source, statement, 'export without its /** sentence'));

function isExported(statement: ts.Statement): boolean {
  if (!ts.canHaveModifiers(statement)) return false;
  const modifiers = ts.getModifiers(statement) ?? [];
  return modifiers.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword);
}

/** A definition of an event carries its sentence as a part, `says`. */
function isDescribed(source: Source, statement: ts.Statement): boolean {
  return hasDocument(source, statement) || /^ {2}says: '/m.test(statement.getText(source.tree));
}

function hasDocument(source: Source, statement: ts.Statement): boolean {
  const ranges = ts.getLeadingCommentRanges(source.text, statement.getFullStart()) ?? [];
  const documents = ranges.filter((range) => source.text.startsWith('/**', range.pos));
  // The header of the file is nobody's sentence: a first statement needs one of its own.
  const isFirst = source.tree.statements[0] === statement;
  return documents.length > (isFirst ? 1 : 0);
}

/** An open task names its issue. */
export const tasksAreNumbered: Rule = ({ path, lines }) => {
  const open = new RegExp(`\\b(${['TO', 'DO'].join('')}|FIX${'ME'})\\b(?!.*#\\d)`);
  return lines.flatMap((text, at) =>
    open.test(text) ? [{ path, line: at + 1, what: 'open task without an issue number' }] : [],
  );
};
