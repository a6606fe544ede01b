/**
 * From a policy file to a policy value: compile, keep the module under the hash of its text, import
 * it, look at what it exports, run its setup against a collector. Whatever is wrong ends in one
 * PolicyError that names the line in the operator's own file. It opens no listener, asks no
 * question, and does not bound the time a policy takes: its caller does.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import type { SourceMapPayload, SourceMapping } from 'node:module';
import { SourceMap } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CompiledPolicy } from './compile.ts';
import { compilePolicy, OWN_NAMESPACE } from './compile.ts';
import type { Policy } from './define.ts';
import { isPolicy } from './define.ts';
import { describeThrown, isPolicyError, PolicyError } from './policy-error.ts';
import type { PlaceFinder, PolicySetup } from './setup.ts';
import { runSetup } from './setup.ts';

/** A policy that may be put in force. */
export interface LoadedPolicy {
  readonly policy: Policy;
  readonly setup: PolicySetup;
  /** Names this version of the policy. */
  readonly hash: string;
  /** The compiled module. */
  readonly file: string;
  /** Where in the operator's files something was thrown, for faults later on. */
  readonly findPlace: PlaceFinder;
}

const FIX_EXPORT = 'end the file with: export default definePolicy({ ... });';

// A file under its final name is complete: it is written apart, flushed, then renamed.
const storeModule = async (compiled: CompiledPolicy, outDir: string): Promise<string> => {
  const file = join(resolve(outDir), `${compiled.hash}.mjs`);
  const there = await readFile(file, 'utf8').catch(() => undefined);
  if (there === compiled.code) return file;
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(draft, 'wx');
    await handle.writeFile(compiled.code);
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

// Finds the innermost line of the operator's own source in the stack of what was thrown.
const createPlaceFinder = (source: string, file: string, map: string): PlaceFinder => {
  const folder = dirname(resolve(source));
  const url = pathToFileURL(file).href;
  const mapping = new SourceMap(JSON.parse(map) as SourceMapPayload);
  return (thrown) => {
    const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
    for (const line of stack.split('\n')) {
      const start = line.indexOf(url);
      const match = start < 0 ? null : /^:(\d+):(\d+)/.exec(line.slice(start + url.length));
      if (match === null) continue;
      const entry = mapping.findEntry(Number(match[1]) - 1, Number(match[2]) - 1);
      const found = describeEntry(folder, entry as Partial<SourceMapping>);
      if (found !== undefined) return found;
    }
    return '';
  };
};

const describeEntry = (folder: string, entry: Partial<SourceMapping>): string | undefined => {
  const { originalSource, originalLine, originalColumn } = entry;
  if (originalSource === undefined || originalSource.startsWith(`${OWN_NAMESPACE}:`)) {
    return undefined;
  }
  const path = relative(process.cwd(), join(folder, originalSource)) || originalSource;
  return `${path}:${(originalLine ?? 0) + 1}:${(originalColumn ?? 0) + 1}`;
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

/** Loads a policy file and keeps the compiled module in `outDir`; throws PolicyError. */
export const loadPolicy = async (source: string, outDir: string): Promise<LoadedPolicy> => {
  const compiled = await compilePolicy(source);
  const file = await storeModule(compiled, outDir);
  const findPlace = createPlaceFinder(source, file, compiled.map);
  try {
    const policy = findPolicy((await import(pathToFileURL(file).href)) as object, source);
    const setup = runSetup(policy, findPlace);
    return { policy, setup, hash: compiled.hash, file, findPlace };
  } catch (thrown) {
    throw refuseThrown(thrown, findPlace(thrown) || source);
  }
};
