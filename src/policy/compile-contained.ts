/**
 * Whether a policy is what its files say and nothing else, so that files with the same contents are
 * the same policy. The one idea: a doubt is a no; it only costs the next start the time to load and
 * prove the policy again. It runs nothing and reads no file.
 */
import { posix } from 'node:path';
import type { Metafile } from 'esbuild';

/** What a module can learn about its surroundings without an import. */
const AMBIENT = /\b(process|global|globalThis|fetch|eval|Function|require)\b/;

type Import = Metafile['inputs'][string]['imports'][number];

/**
 * True where every module of the operator's is named by the path at which it lies: no link on the
 * way, which may point elsewhere tomorrow; no name that is looked for, where another file may be
 * found first; no package and nothing of Node.
 */
export function namesItsFiles({ inputs }: Metafile, entry: string, ownPrefix: string): boolean {
  if (inputs[entry] === undefined) return false;
  return Object.entries(inputs).every(
    ([importer, { imports }]) =>
      importer.startsWith(ownPrefix) ||
      imports.every((one) => one.path.startsWith(ownPrefix) || isExact(importer, one)),
  );
}

const isExact = (importer: string, { path, original = '', external = false }: Import): boolean =>
  !external &&
  original.startsWith('.') &&
  posix.join(posix.dirname(importer), original) === posix.normalize(path);

/** True where no text names anything of its surroundings, be it in a comment. */
export const mindsItsOwn = (texts: readonly string[]): boolean =>
  !texts.some((text) => AMBIENT.test(text));
