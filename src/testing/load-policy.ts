/**
 * An operator's policy file, loaded as the policy-loader loads it, but for the world it sees:
 * `prepare` asks simulated names, and the module is kept in a folder that is thrown away.
 * What the loader and the canary would refuse is kept beside it, as findings to be judged.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LISTENER_DOMAIN_OPTIONS } from '../domain/options-listener.ts';
import type { StoredVersion } from '../domain/policy-version.ts';
import { runPrepare } from '../manager/prepare.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { Policy } from '../policy/define.ts';
import { handlersOf, isPolicy } from '../policy/define.ts';
import { parseDataText } from '../policy/helpers/files.ts';
import type { HandlerName } from '../policy/hooks.ts';
import { HANDLERS } from '../policy/hooks.ts';
import type { DiskWorld, Facts } from '../policy/load-files.ts';
import { createDiskWorld, createStoredWorld } from '../policy/load-files.ts';
import { importPolicy } from '../policy/load-module.ts';
import { isPolicyError } from '../policy/policy-error.ts';
import type { PlaceFinder, PolicySetup } from '../policy/setup.ts';
import { runSetup } from '../policy/setup.ts';
import { Gatherer, validateLoaded } from '../policy/validate.ts';
import { lend, whileLent } from './lending.ts';
import { namesResolver } from './names.ts';
import type { Words } from './words.ts';
import { findWords } from './words.ts';
import { Chance } from './world/chance.ts';
import { START_AT } from './world/world.ts';

/** A policy that can be simulated and checked. */
export interface TestPolicy {
  /** As it was named; 'policy' for a value. */
  readonly file: string;
  readonly policy: Policy;
  readonly setup: PolicySetup;
  readonly findPlace: PlaceFinder;
  /** What the loader would refuse; mail may still be simulated, unless nothing could be loaded. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  readonly words: Words;
  readonly handlers: readonly HandlerName[];
  /** Pools and sources that its data and answers name. */
  readonly pools: readonly string[];
  readonly sources: readonly string[];
  /** Tables of its data files, `file: table`. */
  readonly sections: readonly string[];
}

/** These are asked by the loader and at the start, not while mail flows. */
const ONCE = new Set<string>(['pre_init', 'init', 'validate_config', 'prepare']);

/** Tables that no mail on its way out comes to, and pools, which are told by name. */
const isElsewhere = (key: string, table: object): boolean =>
  ['pool', 'base', 'domain', 'signature', 'log_hook'].includes(key) ||
  key.endsWith('.log_hook') ||
  Object.keys(table).some((option) => Object.hasOwn(LISTENER_DOMAIN_OPTIONS, option));

const sectionsOf = (name: string, text: string): string[] => {
  if (!/\.(?:toml|json)$/.test(name)) return [];
  try {
    const { table } = parseDataText(text, name);
    return Object.entries(table).flatMap(([key, inner]) => {
      if (typeof inner !== 'object' || Array.isArray(inner) || isElsewhere(key, inner)) return [];
      if (!['provider', 'queue', 'tenant', 'source'].includes(key)) return [`${name}: ${key}`];
      return Object.keys(inner).map((one) => `${name}: ${key}.${one}`);
    });
  } catch (error) {
    // A file that is no table of options is none of ours.
    if (isPolicyError(error)) return [];
    throw error;
  }
};

/** Without those that only came of the loader's own question about a tenant 'probe'. */
const namesOf = (
  found: ReadonlyMap<string, string>,
  texts: ReadonlyMap<string, string>,
): readonly string[] => {
  const whole = [...texts.values()].join('\n');
  return [...found.keys()].filter(
    (name) => name !== 'unspecified' && (!name.includes('probe') || whole.includes(name)),
  );
};

const describe = (
  loaded: Pick<TestPolicy, 'file' | 'policy' | 'setup' | 'findPlace'>,
  found: Gatherer,
  texts: ReadonlyMap<string, string>,
): TestPolicy => {
  validateLoaded(loaded, found);
  const names = Object.keys(HANDLERS) as HandlerName[];
  return {
    ...loaded,
    refusals: found.refusals,
    warnings: found.warnings,
    words: findWords([...texts.values()]),
    handlers: names.filter((name) => !ONCE.has(name) && handlersOf(loaded.policy, name).length > 0),
    pools: namesOf(found.pools, texts),
    sources: namesOf(found.sources, texts),
    sections: [...texts].flatMap(([name, text]) => sectionsOf(name, text)),
  };
};

/** What a policy finds at its top level, and where it is asked without mail. */
const atLoad = () => {
  const dice = new Chance(0);
  return { now: () => START_AT, uniform: () => dice.uniform() };
};

let loads = 0;

/** A compiled policy, and the world that has its files. */
interface Compiled extends DiskWorld {
  readonly file: string;
  readonly source: string;
  readonly code: string;
  readonly map: string;
}

/** Told what of the policy is about to run, and '' when nothing of it does. */
export type Noting = (step: string) => void;

async function load(compiled: Compiled, note?: Noting): Promise<TestPolicy> {
  const { file, source, code, map, world, facts, files } = compiled;
  const outDir = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  try {
    loads += 1;
    const order = { code, map, source, outDir, tag: `test=${loads}`, world };
    return await whileLent(atLoad(), async () => {
      const imported = await importPolicy(note === undefined ? order : { ...order, note });
      const found = new Gatherer();
      const words = findWords(files().map(({ text }) => text));
      await runPrepare(imported, namesResolver(words), facts, found);
      const texts = new Map(files().map(({ path, text }) => [path, text]));
      const { policy, setup, findPlace } = imported;
      return describe({ file, policy, setup, findPlace }, found, texts);
    });
  } finally {
    note?.('');
    await rm(outDir, { recursive: true, force: true });
  }
}

/** A policy file that was compiled. */
export interface CompiledFile {
  /** As it was named. */
  readonly file: string;
  readonly source: string;
  readonly code: string;
  readonly map: string;
  /** The modules it was compiled of, by absolute path. */
  readonly inputs: readonly string[];
}

/** Loads a policy file that was compiled; its data files are read from disk. */
export function loadCompiled(compiled: CompiledFile, note?: Noting): Promise<TestPolicy> {
  const disk = createDiskWorld(compiled.source);
  for (const path of compiled.inputs) disk.note(path);
  return load({ ...disk, ...compiled }, note);
}

/** Loads a policy file; throws a PolicyError, which names file, problem and fix. */
export async function loadPolicy(file: string | URL): Promise<TestPolicy> {
  const source = file instanceof URL ? fileURLToPath(file) : resolve(file);
  return loadCompiled({ ...(await compilePolicy(source)), file: String(file), source });
}

/** Loads a version that a policy-loader made; the operator's files may be others by now. */
export function loadVersion(version: StoredVersion, note?: Noting): Promise<TestPolicy> {
  const { source, files, code, map } = version;
  // Learnt anew: what the real world answered says nothing of the simulated one.
  const facts: Facts = {};
  const world = createStoredWorld(source, files, facts);
  const shelf = { world, facts, files: () => [...files], note: () => {} };
  return load({ ...shelf, file: source, source, code, map }, note);
}

/** A policy value, or one that was loaded; of a value's handlers no words are known. */
export function asTestPolicy(given: Policy | TestPolicy): TestPolicy {
  if (!isPolicy(given) && 'setup' in given) return given;
  const policy = given as Policy;
  const giveBack = lend(atLoad());
  try {
    const setup = runSetup(policy);
    const findPlace: PlaceFinder = () => '';
    return describe({ file: 'policy', policy, setup, findPlace }, new Gatherer(), new Map());
  } finally {
    giveBack();
  }
}
