/**
 * The rule about laws: a property test is a promise, and ARCHITECTURE.md names every promise.
 * The one idea: the file name is the law, so a name missing from the document is a promise nobody
 * was told about. Deliberately unknown here: what any law says.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Violation } from './sources.ts';
import { readPaths } from './sources.ts';

const LAW_NAMES = /^test\/property\/(.+)\.test\.ts$/;

/** Each law of test/property that `document` does not name. */
export function findUnnamedLaws(paths: readonly string[], document: string): Violation[] {
  return paths.flatMap((path) => {
    const law = LAW_NAMES.exec(path)?.[1];
    if (law === undefined || document.includes(`\`${law}\``)) return [];
    return [{ path, line: 1, what: `the law \`${law}\` is not named in ARCHITECTURE.md` }];
  });
}

/** The same for the repository at `root`. */
export function findLawBreaches(root: string): Violation[] {
  const path = join(root, 'ARCHITECTURE.md');
  const document = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return findUnnamedLaws(readPaths(root), document);
}
