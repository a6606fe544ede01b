/**
 * Rules about every text of the repository, whatever its language.
 * The one idea: a reader on another machine must be able to use each line, so nothing may name the
 * disk or the network the line was written on. The patterns are put together from pieces, so that
 * this file obeys itself.
 * Deliberately unknown here: TypeScript.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Violation } from './sources.ts';
import { readPaths } from './sources.ts';

const MACHINE_FOLDERS = ['work', 'root', 'tmp', 'home', 'mnt', 'workspace'];
const MACHINE_PATHS = new RegExp(`(?<![\\w.})/-])/(${MACHINE_FOLDERS.join('|')})/\\w`);
const REGISTRY_PARTS = ['registry', 'artifactory', 'nexus', 'verdaccio'];
const REGISTRY_HOSTS = new RegExp(`\\b(${REGISTRY_PARTS.join('|')})[.][\\w-]+[.]\\w+`);
const SECRET_HEADS = new RegExp(`-----BEGIN ${'[A-Z ]*'}PRIVATE${' '}KEY-----`);

const FACES: readonly (readonly [RegExp, string])[] = [
  [MACHINE_PATHS, 'an absolute path of one machine'],
  [REGISTRY_HOSTS, 'a package registry host'],
];

const TEXT_NAMES = /(\.(ts|js|mjs|json|jsonl|md|sh|toml|yml|yaml|txt|sql|c|eml)|\/run|^[A-Z]+)$/;
const KEY_NAMES = /^(test|examples)\//;

/** Looks at one text for things that belong to a machine and not to the project. */
export function findMachineTraces(path: string, text: string): Violation[] {
  const found: Violation[] = [];
  text.split('\n').forEach((line, at) => {
    for (const [pattern, what] of FACES) {
      if (pattern.test(line)) found.push({ path, line: at + 1, what });
    }
    if (SECRET_HEADS.test(line) && !KEY_NAMES.test(path)) {
      found.push({ path, line: at + 1, what: 'a private key outside tests and examples' });
    }
  });
  return found;
}

/** Looks at all texts of the repository. */
export function findTraces(root: string): Violation[] {
  return readPaths(root)
    .filter((path) => TEXT_NAMES.test(path))
    .flatMap((path) => findMachineTraces(path, readFileSync(join(root, path), 'utf8')));
}
