/**
 * Who may import whom: arrows point to the pure end.
 * The one idea: each folder of src has one line that says what it may reach; everything not said
 * is refused. The import statements are read from the syntax tree, `import()` included.
 * Deliberately unknown here: what the modules do, and the type checker.
 */
import { posix } from 'node:path';
import ts from 'typescript';
import type { Rule, Source, Violation } from './sources.ts';
import { breachAt, walk } from './sources.ts';

/** What a folder of src may import besides itself: folders of src, or single files of it. */
const REACHES: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  dkim: ['domain'],
  events: ['domain', 'ports/ports.ts'],
  mail: ['domain'],
  policy: ['domain', 'mail', 'reports', 'ports/ports.ts'],
  actors: ['domain', 'events', 'ports/ports.ts', 'ports/quotas.ts'],
  projections: [
    'domain',
    'events',
    'ports/ports.ts',
    'ports/committed-log.ts',
    'ports/sink.ts',
    'ports/timers.ts',
  ],
  // Looks back at what the log says.
  forensics: [
    'domain',
    'events',
    'actors',
    'ports/ports.ts',
    'ports/committed-log.ts',
    'ports/timers.ts',
  ],
  // Rewrites what was promised never to change: it knows the files of all of them.
  erasing: ['domain', 'events', 'forensics', 'ports/ports.ts', 'ports/node'],
  ports: ['domain', 'ports'],
  reports: ['domain', 'ports/ports.ts'],
};

/**
 * What a folder may know by name only (`import type`): the contracts of those who call it. Nothing
 * is left of such an import when the code runs, so no arrow turns round.
 */
const KNOWS: Readonly<Record<string, readonly string[]>> = {
  domain: [
    'ports/ports.ts',
    'ports/quotas.ts',
    'ports/smtp-trace.ts',
    'projections/hook.ts',
    'projections/log-record/record.ts',
  ],
  policy: ['projections/hook.ts', 'projections/log-record/record.ts'],
  reports: ['projections/log-record/record.ts'],
  actors: ['intake/host.ts', 'ports/smtp-trace.ts', 'turn.ts'],
  events: ['ports/committed-log.ts'],
  forensics: ['manager/policy-jobs.ts', 'projections/ledger-report.ts'],
  ports: ['projections/log-record/record.ts'],
};

/** Where modules of the platform (`node:`) may be imported. */
const NODE_PATHS = [
  /^src\/(ports\/node|intake|cli|manager|api|erasing)\//,
  /^src\/events\/(sqlite|log-)[^/]*\.ts$/,
  /^src\/(waybilld|waybill)\.ts$/,
  /^src\/policy\/(load|compile|bundle)[^/]*\.ts$/,
  /^src\/projections\/(sinks|log-files)/,
  // The index is files beside the log.
  /^src\/forensics\/journey\/run-[a-z]+\.ts$/,
  /^src\/[a-z-]+\/[a-z-]*thread[a-z-]*\.ts$/,
  // Signing is arithmetic, but for the hashes and keys of node:crypto.
  /^src\/dkim\/(sign|private-key)\.ts$/,
  // A policy under test is a file.
  /^src\/testing\/load-policy\.ts$/,
  // Incident files, and a log that is only read, are files.
  /^src\/forensics\/(bundle|replay-walk)[^/]*\.ts$/,
  /^(test|bench|scripts)\//,
];

/** Libraries that stay where they are. */
const LIBRARY_PATHS: Readonly<Record<string, RegExp>> = {
  'better-sqlite3': /^src\/events\/|^(test|bench|scripts)\//,
  xstate: /^src\/(actors|projections\/shipper)\/|^(test|bench|scripts)\//,
  rxjs: /^src\/projections\/|^(test|bench)\//,
  'smtp-server': /^src\/(intake|cli)\/|^(test|bench)\//,
  ioredis: /^src\/ports\/node\/quotas-redis|^test\//,
  '@hpcc-js': /^src\/projections\/log-files\/|^test\//,
  fzstd: /^src\/projections\/log-files\//,
  undici: /^src\/projections\/sinks\/|^(test|bench)\//,
  standardwebhooks: /^test\//,
  kafkajs: /^src\/projections\/sinks\/kafka|^(test|bench|scripts|examples)\//,
  amqplib: /^src\/projections\/sinks\/amqp|^(test|bench|scripts|examples)\//,
  re2js: /^src\/projections\/classifier|^(test|bench)\//,
  'postal-mime': /^src\/reports\/|^test\//,
  handlebars: /^src\/intake\/inject\//,
  'fast-check': /^src\/testing\/(arbitrary|checking|shrinking)|^(test|bench)\//,
  nodemailer: /^src\/(intake|cli)\/|^(test|bench)\//,
  mailauth: /^(test|bench)\//,
};

/** The three actors meet in `turn`, `matching` and `registry`, never directly. */
const STRANGERS = ['queue', 'source', 'connection'];

/** One import statement: the literal and, for a relative one, the file it means. */
interface Import {
  readonly node: ts.Node;
  readonly name: string;
  readonly target: string | undefined;
  readonly isType: boolean;
}

function findImports(source: Source): Import[] {
  const found: Import[] = [];
  walk(source.tree, (node) => {
    const literal = findModuleLiteral(node);
    if (literal === undefined) return;
    const name = literal.text;
    const target = name.startsWith('.')
      ? posix.normalize(posix.join(posix.dirname(source.path), name))
      : undefined;
    const isType = ts.isImportDeclaration(node) && node.importClause?.isTypeOnly === true;
    found.push({ node: literal, name, target, isType });
  });
  return found;
}

function findModuleLiteral(node: ts.Node): ts.StringLiteral | undefined {
  let candidate: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    candidate = node.moduleSpecifier;
  } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    candidate = node.arguments[0];
  }
  return candidate !== undefined && ts.isStringLiteral(candidate) ? candidate : undefined;
}

/** Imports obey the map of the tree. */
export const importsAreAllowed: Rule = (source) => {
  const found: Violation[] = [];
  for (const { node, name, target, isType } of findImports(source)) {
    const what =
      target === undefined
        ? refuseLibrary(source.path, name)
        : refuseNeighbour(source.path, target, isType);
    if (what !== undefined) found.push(breachAt(source, node, what));
  }
  return found;
};

function refuseLibrary(path: string, name: string): string | undefined {
  if (name.startsWith('node:')) {
    return NODE_PATHS.some((allowed) => allowed.test(path))
      ? undefined
      : `${name} is for adapters and edges; take a port`;
  }
  const library = name.split('/')[0] ?? name;
  const allowed = Object.hasOwn(LIBRARY_PATHS, library) ? LIBRARY_PATHS[library] : undefined;
  return allowed === undefined || allowed.test(path)
    ? undefined
    : `${library} does not belong here`;
}

function refuseNeighbour(path: string, target: string, isType: boolean): string | undefined {
  const [top, folder = ''] = path.split('/');
  if (top !== 'src') return undefined;
  if (!target.startsWith('src/')) return `src imports ${target}, outside src`;
  const reached = target.slice('src/'.length);
  const stranger = findStranger(path, target);
  if (stranger !== undefined)
    return `actors/${stranger} is met in turn, matching and registry only`;
  const reaches = Object.hasOwn(REACHES, folder) ? REACHES[folder] : undefined;
  if (reaches === undefined || path.startsWith('src/ports/node/')) return undefined;
  const known = isType ? (KNOWS[folder] ?? []) : [];
  const isAllowed = [folder, ...reaches, ...known].some(
    (may) => reached === may || reached.startsWith(`${may}/`),
  );
  return isAllowed ? undefined : `${folder} may not reach ${reached}`;
}

function findStranger(path: string, target: string): string | undefined {
  const own = STRANGERS.find((actor) => path.startsWith(`src/actors/${actor}/`));
  if (own === undefined) return undefined;
  return STRANGERS.find((actor) => actor !== own && target.startsWith(`src/actors/${actor}/`));
}
