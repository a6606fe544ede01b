/**
 * From a compiled module to a policy value: keep it under the hash of its text, import it while a
 * world is lent, look at what it exports, run its setup against a collector. Whatever is wrong ends
 * in one PolicyError that names the line in the operator's own file. It does not know where the
 * module came from, and does not bound the time a policy takes: its caller does.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import type { SourceMapPayload, SourceMapping } from 'node:module';
import { SourceMap } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HASH_DIGITS, OWN_NAMESPACE, showPath } from './compile.ts';
import type { Policy } from './define.ts';
import { isPolicy } from './define.ts';
import { notePolicy } from './noted.ts';
import { describeThrown, isPolicyError, PolicyError } from './policy-error.ts';
import type { PlaceFinder, PolicySetup } from './setup.ts';
import { runSetup } from './setup.ts';
import type { PolicyWorld } from './world.ts';
import { lendWorld } from './world.ts';

/** A module to be imported. */
export interface ModuleOrder {
  readonly code: string;
  readonly map: string;
  /** The policy file, for places in sentences. */
  readonly source: string;
  /** Where modules are kept. */
  readonly outDir: string;
  /** Names this import: the same module with another tag runs anew. */
  readonly tag: string;
  readonly world: PolicyWorld;
  /** Hears what is about to run, before it does. */
  readonly note?: (step: string) => void;
}

/** A module that was imported and set up. */
export interface ImportedPolicy {
  readonly policy: Policy;
  readonly setup: PolicySetup;
  /** The compiled module. */
  readonly file: string;
  /** Where in the operator's files something was thrown, for faults later on. */
  readonly findPlace: PlaceFinder;
}

const FIX_EXPORT = 'end the file with: export default definePolicy({ ... });';
const OWNER_ONLY = 0o600;

// A file under its final name is complete: it is written apart, flushed, then renamed.
const storeModule = async (code: string, outDir: string): Promise<string> => {
  const hash = createHash('sha256').update(code).digest('hex').slice(0, HASH_DIGITS);
  const file = join(resolve(outDir), `${hash}.mjs`);
  const there = await readFile(file, 'utf8').catch(() => undefined);
  if (there === code) return file;
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(draft, 'wx', OWNER_ONLY);
    await handle.writeFile(code);
    await handle.sync();
    await handle.close();
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    const fix = 'make that folder writable and see that the disk has room';
    throw new PolicyError(outDir, `cannot keep the compiled policy: ${describeThrown(error)}`, fix);
  }
  return file;
};

const describeEntry = (folder: string, entry: Partial<SourceMapping>): string | undefined => {
  const { originalSource, originalLine, originalColumn } = entry;
  if (originalSource === undefined || originalSource.startsWith(`${OWN_NAMESPACE}:`)) {
    return undefined;
  }
  const path = showPath(join(folder, originalSource));
  return `${path}:${(originalLine ?? 0) + 1}:${(originalColumn ?? 0) + 1}`;
};

/** Says where in the operator's files a place of the module lies; both count from 0. */
export type EntryFinder = (line: number, column: number) => string | undefined;

/** Reads the map of a module; `source` is the policy file. */
export const createEntryFinder = (source: string, map: string): EntryFinder => {
  const folder = dirname(resolve(source));
  const mapping = new SourceMap(JSON.parse(map) as SourceMapPayload);
  return (line, column) =>
    describeEntry(folder, mapping.findEntry(line, column) as Partial<SourceMapping>);
};

const lineOf = (place: string): string => place.replace(/:\d+$/, '');

// Where the operator's own files write a handler, if that is one place; else the policy's file.
const findHandler = (name: string, { code, source }: ModuleOrder, find: EntryFinder): string => {
  const places = new Set<string>();
  code.split('\n').forEach((text, line) => {
    for (const { index } of text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))) {
      const place = find(line, index);
      if (place !== undefined) places.add(lineOf(place));
    }
  });
  const [only] = places;
  return only !== undefined && places.size === 1 ? only : showPath(source);
};

// Finds the innermost line of the operator's own source in the stack of what was thrown.
const createPlaceFinder = (
  url: string,
  findEntry: EntryFinder,
  order: ModuleOrder,
): PlaceFinder => {
  return (thrown, handler) => {
    const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
    for (const line of stack.split('\n')) {
      const start = line.indexOf(url);
      const match = start < 0 ? null : /^:(\d+):(\d+)/.exec(line.slice(start + url.length));
      if (match === null) continue;
      const found = findEntry(Number(match[1]) - 1, Number(match[2]) - 1);
      if (found !== undefined) return found;
    }
    return handler === undefined ? '' : findHandler(handler, order, findEntry);
  };
};

const refuseThrown = (thrown: unknown, place: string): PolicyError => {
  if (isPolicyError(thrown)) {
    return new PolicyError(thrown.place || place, thrown.problem, thrown.fix);
  }
  const problem = `the policy threw while it was loaded: ${describeThrown(thrown)}`;
  return new PolicyError(place, problem, 'correct it and load it again');
};

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
};

const findPolicy = (module: object, source: string): Policy => {
  const value: unknown = 'default' in module ? module.default : undefined;
  if (isPolicy(value)) return value;
  const problem =
    'default' in module
      ? `its default export is ${kindOf(value)}, not a policy`
      : 'it has no default export';
  throw new PolicyError(source, problem, FIX_EXPORT);
};

const run = async (order: ModuleOrder): Promise<ImportedPolicy> => {
  const { source, world, note } = order;
  const file = await storeModule(order.code, order.outDir);
  const url = `${pathToFileURL(file).href}?${order.tag}`;
  const findPlace = createPlaceFinder(url, createEntryFinder(source, order.map), order);
  lendWorld(world);
  try {
    note?.('the top level of the policy');
    const found = findPolicy((await import(url)) as object, source);
    const policy = note === undefined ? found : notePolicy(found, note);
    const setup = runSetup(policy, findPlace);
    return { policy, setup, file, findPlace };
  } catch (thrown) {
    throw refuseThrown(thrown, findPlace(thrown) || source);
  } finally {
    lendWorld(undefined);
  }
};

let running: Promise<unknown> = Promise.resolve();

/** Imports a module and runs its setup; throws PolicyError. One after the other: worlds are lent
 * to all that is loaded at the time. */
export const importPolicy = (order: ModuleOrder): Promise<ImportedPolicy> => {
  const imported = running.then(() => run(order));
  running = imported.catch(() => undefined);
  return imported;
};
