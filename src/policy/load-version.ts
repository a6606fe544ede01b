/**
 * Loading a stored version: with its own module, files and facts, and nothing else, so that a
 * worker, a canary and a question about the past all see the policy that was proved. The operator's
 * files may be gone. It does not know SQLite, nor who asks.
 */
import { join } from 'node:path';
import type { StoredVersion } from '../domain/policy-version.ts';
import type { Policy } from './define.ts';
import { createStoredWorld } from './load-files.ts';
import { importPolicy } from './load-module.ts';
import { PolicyError } from './policy-error.ts';
import type { PlaceFinder, PolicySetup } from './setup.ts';

/** A version that may be asked. */
export interface LoadedVersion {
  readonly number: number;
  readonly hash: string;
  readonly policy: Policy;
  readonly setup: PolicySetup;
  readonly findPlace: PlaceFinder;
  /** The compiled module. */
  readonly file: string;
  /** The operator's own file, of which it was compiled. */
  readonly source: string;
}

/** The part of a policy store that loading needs. */
export interface VersionShelf {
  find(number: number): StoredVersion | undefined;
}

/** Loads a version that is at hand; `dir` is the data directory; throws PolicyError. */
export const loadStored = async (
  version: StoredVersion,
  dir: string,
  note?: (step: string) => void,
): Promise<LoadedVersion> => {
  const { number, hash, code, map, source } = version;
  const imported = await importPolicy({
    code,
    map,
    source,
    outDir: join(dir, 'policy'),
    tag: `version=${number}`,
    world: createStoredWorld(source, version.files, version.facts),
    ...(note === undefined ? {} : { note }),
  });
  return { number, hash, source, ...imported };
};

/** Loads version `number` of a data directory; throws PolicyError. */
export const loadVersion = async (
  store: VersionShelf,
  number: number,
  dir: string,
): Promise<LoadedVersion> => {
  const version = store.find(number);
  if (version !== undefined) return loadStored(version, dir);
  const problem = `there is no version ${number} in the policy store`;
  throw new PolicyError('', problem, 'see which there are with: waybill policy list');
};
