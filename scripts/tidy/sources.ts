/**
 * The files the tidy rules look at, each read and parsed once.
 * The one idea: a rule is a function from a source to violations, so that all of them can be
 * listed in one go and each can be tried on a text of three lines.
 * Deliberately unknown here: any rule, and where the repository stands on the disk.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';

/** A file with its path relative to the repository (slashes), its text, lines and syntax tree. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
}

/** One breach of one rule, at a line counted from 1. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** A rule that looks at one TypeScript file. */
export type Rule = (source: Source) => readonly Violation[];

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', '.git', '.waybill', 'data']);

/** Parses one text as the file it would be. */
export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS);
  return { path, text, lines: text.split('\n'), tree };
}

/** Finds every file below `folder`, as paths relative to `root`; folders not ours are left out. */
export function readPaths(root: string, folder = root): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) found.push(...readPaths(root, path));
    } else if (entry.isFile()) {
      found.push(relative(root, path).split(sep).join('/'));
    }
  }
  return found.sort();
}

/** Reads and parses the TypeScript files of the given top folders. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  return readPaths(root)
    .filter((path) => path.endsWith('.ts') && folders.includes(path.split('/')[0] ?? ''))
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

/** Makes a violation at a node of the tree. */
export function breachAt(source: Source, node: ts.Node, what: string): Violation {
  const { line } = source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree));
  return { path: source.path, line: line + 1, what };
}

/** Visits every node below and including `node`. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}
