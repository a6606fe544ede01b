/**
 * What the `waybill policy` commands share: the option for the data directory, the store opened for
 * reading, version numbers. Knows no single command.
 */
import { existsSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type { StoredVersion } from '../domain/policy-version.ts';
import { asStoreError, PolicyStoreError } from '../events/policy-schema.ts';
import type { PolicyStore } from '../events/policy-store.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { CommandFailure } from './terminal.ts';

/** The option that names the data directory. */
export const DATA_OPTION = ['--data <dir>', 'data directory of waybilld', DATA_DEFAULT] as const;

/** Reads with the store of a data directory; what is wrong with it is one sentence. */
export const withStore = <T>(dir: string, use: (store: PolicyStore) => T): T => {
  if (!existsSync(dir)) throw new CommandFailure(`There is no data directory ${dir}.`);
  try {
    const store = openPolicyStore(dir, 'read');
    try {
      return use(store);
    } finally {
      store.close();
    }
  } catch (thrown) {
    const error = asStoreError(`${dir}/policy/policy.db`, thrown);
    if (error instanceof PolicyStoreError) throw new CommandFailure(`${error.message}.`);
    throw error;
  }
};

/** Finds a version that can be loaded. */
export const demandVersion = (store: PolicyStore, number: number): StoredVersion => {
  const version = store.find(number);
  if (version !== undefined) return version;
  const isRefusal = store.list(Number.MAX_SAFE_INTEGER).some((one) => one.number === number);
  const what = isRefusal ? `Version ${number} never came to be` : `There is no version ${number}`;
  throw new CommandFailure(`${what}; see waybill policy list.`);
};

/** A version number on the command line. */
export const parseVersion = (text: string): number => {
  const number = /^\d{1,15}$/.test(text.trim()) ? Number(text) : 0;
  if (number < 1) throw new InvalidArgumentError('Expected the number of a version, such as 3.');
  return number;
};

/** A time for people. */
export const formatTime = (at: number): string =>
  new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
