/**
 * The two worlds a policy is loaded in: one reads the operator's files and notes each text, the
 * other answers from a stored version and from nothing else, so both show a policy the same.
 * It knows no modules and no versions.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { PlainValue, VersionFile } from '../domain/policy-version.ts';
import { showPath } from './compile.ts';
import { describeThrown, PolicyError } from './policy-error.ts';
import type { PolicyWorld } from './world.ts';

/** Bytes of one file, and of all files of a version. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;
const FILES_BYTES_MAX = 128 * 1024 * 1024;

/** Facts that `prepare` may still add to while the policy holds them. */
export type Facts = Record<string, PlainValue>;

/** A world that reads from disk. */
export interface DiskWorld {
  readonly world: PolicyWorld;
  readonly facts: Facts;
  /** Reads and notes a file of the policy by its absolute path. */
  note(path: string): void;
  /** What was read so far, by path. */
  files(): VersionFile[];
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

// How a file is called in a version: from the policy's folder, the same on every machine.
const nameFrom = (folder: string, path: string): string =>
  relative(folder, resolve(folder, path)).replaceAll('\\', '/');

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read by this user',
};

const readWhole = (path: string, shown: string): Buffer => {
  try {
    const info = statSync(path);
    if (info.size <= FILE_BYTES_MAX) return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const problem = PROBLEMS[code] ?? `cannot be read: ${describeThrown(error)}`;
    throw new PolicyError(shown, `this file ${problem}`, 'correct its path or its rights');
  }
  const problem = `this file is larger than ${FILE_BYTES_MAX} bytes`;
  throw new PolicyError(shown, problem, 'split it');
};

const decodeText = (bytes: Buffer, shown: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new PolicyError(shown, 'this file is no UTF-8 text', 'store it as UTF-8');
  }
};

/** The world of a policy file that is loaded from disk. */
export const createDiskWorld = (source: string): DiskWorld => {
  const folder = dirname(resolve(source));
  const files = new Map<string, VersionFile>();
  const facts: Facts = {};
  let bytesRead = 0;
  const read = (path: string): string => {
    const file = resolve(folder, path);
    const name = nameFrom(folder, path);
    const known = files.get(name);
    // A file is read once: a version never holds two texts of it.
    if (known !== undefined) return known.text;
    const shown = showPath(file);
    const bytes = readWhole(file, shown);
    bytesRead += bytes.length;
    if (bytesRead > FILES_BYTES_MAX) {
      const problem = `the files of the policy are larger than ${FILES_BYTES_MAX} bytes`;
      throw new PolicyError(shown, problem, 'keep less data in files');
    }
    const text = decodeText(bytes, shown);
    files.set(name, { path: name, sha256: sha256Of(Buffer.from(text)), text });
    return text;
  };
  return {
    world: { readDataFile: read, facts },
    facts,
    note: read,
    files: () => [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
};

/** The world of a stored version: its files and its facts. */
export const createStoredWorld = (
  source: string,
  files: readonly VersionFile[],
  facts: Readonly<Facts>,
): PolicyWorld => {
  const folder = dirname(resolve(source));
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  return {
    facts,
    readDataFile: (path) => {
      const text = texts.get(nameFrom(folder, path));
      if (text !== undefined) return text;
      const problem = 'this file is not part of the stored version';
      throw new PolicyError(nameFrom(folder, path), problem, 'load the policy again');
    },
  };
};

/** Names a module with the files it read: the hash of a version. */
export const hashVersion = (codeHash: string, files: readonly VersionFile[]): string => {
  const lines = files.map(({ path, sha256 }) => `${sha256} ${path}`);
  return sha256Of(Buffer.from([codeHash, ...lines].join('\n'))).slice(0, codeHash.length);
};
