/**
 * Rules about words: what may not be said in a folder and what is said instead.
 * The one idea: time, chance and timers come through the ports, so the names that bypass them are
 * banned outside the adapters; the syntax tree is asked, so a comment may speak of anything.
 * Deliberately unknown here: imports, sizes, and what the ports look like.
 */
import ts from 'typescript';
import type { Rule, Source, Violation } from './sources.ts';
import { breachAt, walk } from './sources.ts';

/** Adapters and edges may read clocks and set timers; so may tests, benches and scripts. */
const CLOCK_FOLDERS = [
  'src/ports/node/',
  'src/cli/',
  'src/intake/',
  'src/manager/',
  'src/events/log-time.ts',
  'test/',
  'bench/',
  'scripts/',
];

const BANNED_MEMBERS: Readonly<Record<string, string>> = {
  'Date.now': 'clock.now()',
  'Math.random': 'random.uniform()',
  'performance.now': 'clock.steadyMs()',
  'process.hrtime': 'clock.steadyMs()',
  'crypto.randomUUID': 'an id made from the ports',
};

const BANNED_CALLS: Readonly<Record<string, string>> = {
  setTimeout: 'clock.arm or an alarm',
  setInterval: 'clock.arm or an alarm',
  setImmediate: 'clock.soon',
  randomUUID: 'an id made from the ports',
};

/** Whether the file may look at the real clock. */
function mayUseClock(path: string): boolean {
  return CLOCK_FOLDERS.some((folder) => path.startsWith(folder));
}

/** Time, timers and chance are used only where the world is adapted. */
export const wordsAreAllowed: Rule = (source) => {
  if (mayUseClock(source.path)) return [];
  const found: Violation[] = [];
  walk(source.tree, (node) => {
    const [word, instead] = findBannedWord(source, node) ?? [];
    if (word === undefined) return;
    found.push(breachAt(source, node, `${word} is for adapters; use ${instead}`));
  });
  return found;
};

function findBannedWord(source: Source, node: ts.Node): [string, string] | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const word = node.getText(source.tree).replace(/^globalThis\./, '');
    const instead = BANNED_MEMBERS[word];
    return instead === undefined ? undefined : [word, instead];
  }
  if (ts.isNewExpression(node) && node.expression.getText(source.tree) === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? ['new Date()', 'clock.now()'] : undefined;
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    const word = node.expression.text;
    const instead = Object.hasOwn(BANNED_CALLS, word) ? BANNED_CALLS[word] : undefined;
    return instead === undefined ? undefined : [word, instead];
  }
  return undefined;
}

/** Files whose format is a default export: policies, in examples and as test material. */
const DEFAULT_EXPORT_PATHS = /^(examples\/|test\/.*\/policies\/|test\/.*\.policy\.ts$)/;

/** No default exports, no `any`, no `enum`, no namespaces. */
export const formsAreAllowed: Rule = (source) => {
  const found: Violation[] = [];
  walk(source.tree, (node) => {
    const what = findBannedForm(node, source.path);
    if (what !== undefined) found.push(breachAt(source, node, what));
  });
  return found;
};

function findBannedForm(node: ts.Node, path: string): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return '`any`: say `unknown` and look';
  if (ts.isEnumDeclaration(node)) return '`enum`: use a union of strings';
  // With a name in quotes it adds to the types of a library, as Fastify wants it.
  if (ts.isModuleDeclaration(node) && ts.isIdentifier(node.name)) {
    return '`namespace`: use a module';
  }
  if (DEFAULT_EXPORT_PATHS.test(path)) return undefined;
  const isDefault =
    ts.isExportAssignment(node) ||
    (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent));
  return isDefault ? 'default export: export by name' : undefined;
}
