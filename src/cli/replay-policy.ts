/**
 * Policies to be asked about the past: a version of the store by its number, the versions that were
 * in force, or a file that no daemon knows. Each is run on a watched thread as by `policy check`,
 * with its modules in a folder that is thrown away. Deliberately unknown here: logs and questions'
 * meaning.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredVersion } from '../domain/policy-version.ts';
import type { PolicyStore } from '../events/policy-store.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import { runLoader } from '../manager/loader.ts';
import { startPolicyThread } from '../manager/policy-watch.ts';
import type { AskVersion } from './replay-compare.ts';

/** The word for the versions that were in force. */
export const ACTIVE = 'active';

/** A policy that cannot be asked; the message is one sentence. */
export class PolicyNotAsked extends Error {
  override readonly name = 'PolicyNotAsked';
}

/** Whom to ask instead of the version on record. */
export interface Candidate {
  /** As it is told: `version 3`, the file, or the versions that were in force. */
  readonly title: string;
  readonly ask: AskVersion;
  /** Which version stands for a recorded one. */
  readonly oneFor: (version: number) => number;
  /** Removes what was made to ask it. */
  done(): Promise<void>;
}

const withStore = <T>(dir: string, use: (store: PolicyStore) => T): T => {
  const store = openPolicyStore(dir, 'read');
  try {
    return use(store);
  } finally {
    store.close();
  }
};

const askStored = async (
  version: StoredVersion,
  dir: string,
  questions: Parameters<AskVersion>[1],
): ReturnType<AskVersion> => {
  const job = { kind: 'replay', version, dir, questions } as const;
  const { replayed, refusals } = await startPolicyThread().run(job);
  if (replayed !== undefined) return replayed;
  throw new PolicyNotAsked(`version ${version.number} cannot be asked: ${refusals[0]}`);
};

const loadFile = async (file: string, dir: string): Promise<StoredVersion> => {
  const loaded = await runLoader({ kind: 'load', source: file, reason: 'replay', dir });
  if (loaded.kind === 'refused') throw new PolicyNotAsked(loaded.sentence);
  return withStore(dir, (store) => store.find(loaded.number) as StoredVersion);
};

/** Finds whom `policy` means: a number, `active`, or a file; `data` is the data directory. */
export const findCandidate = async (policy: string, data: string): Promise<Candidate> => {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-replay-'));
  const done = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    if (policy === ACTIVE) {
      const ask: AskVersion = async (number, questions) => {
        const version = withStore(data, (store) => store.find(number));
        return version && askStored(version, dir, questions);
      };
      return { title: 'the versions in force', ask, oneFor: (version) => version, done };
    }
    const isNumber = /^\d{1,15}$/.test(policy);
    if (!isNumber && !existsSync(policy)) {
      throw new PolicyNotAsked(
        `there is no policy ${policy}; name a file, the number of a version, or ${ACTIVE}`,
      );
    }
    const version = isNumber
      ? withStore(data, (store) => store.find(Number(policy)))
      : await loadFile(policy, dir);
    if (version === undefined) {
      throw new PolicyNotAsked(`there is no version ${policy}; see waybill policy list`);
    }
    const title = isNumber ? `version ${policy}` : policy;
    const ask: AskVersion = (_number, questions) => askStored(version, dir, questions);
    return { title, ask, oneFor: () => version.number, done };
  } catch (error) {
    await done();
    throw error;
  }
};
