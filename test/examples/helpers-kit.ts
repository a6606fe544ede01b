/**
 * A world for helpers: data files as texts, facts, and checks that write down what they hear.
 * Deliberately unknown here: which helper is tried.
 */
import assert from 'node:assert/strict';
import type {
  Checks,
  MxAnswer,
  OptionValue,
  PolicyPart,
  Preparing,
} from '../../src/policy/hooks.ts';
import { PolicyError } from '../../src/policy/policy-error.ts';
import { lendWorld } from '../../src/policy/world.ts';

/** Runs `make` as the top level of a policy that has these files. */
export const withFiles = <T>(
  files: Readonly<Record<string, string>>,
  make: () => T,
  facts: Readonly<Record<string, OptionValue>> = {},
): T => {
  lendWorld({
    facts,
    readDataFile(path) {
      const text = files[path];
      if (text !== undefined) return text;
      throw new PolicyError(path, 'this data file does not exist', 'correct the path');
    },
  });
  try {
    return make();
  } finally {
    lendWorld(undefined);
  }
};

/** The sentence with which `make` is refused. */
export const refusalOf = (files: Readonly<Record<string, string>>, make: () => unknown): string => {
  try {
    withFiles(files, make);
  } catch (thrown) {
    assert.ok(thrown instanceof PolicyError, String(thrown));
    assert.doesNotMatch(thrown.message, /\n/);
    return thrown.message;
  }
  return assert.fail('nothing was refused');
};

/** What checks heard, one line each. */
export interface Heard {
  readonly lines: string[];
  readonly checks: Checks;
}

/** Checks that write down. */
export const listen = (): Heard => {
  const lines: string[] = [];
  const checks: Checks = {
    refuse: (where, problem, fix) => lines.push(`refuse ${where}: ${problem}; ${fix}`),
    warn: (where, problem) => lines.push(`warn ${where}: ${problem}`),
    expectPool: (name, where) => lines.push(`pool ${name} of ${where}`),
    expectSource: (name, where) => lines.push(`source ${name} of ${where}`),
    expectKey: ({ selector, domain }, where) =>
      lines.push(`key ${selector}._domainkey.${domain} of ${where}`),
  };
  return { lines, checks };
};

/** What a part says of itself when its policy is checked. */
export const heardFrom = (part: PolicyPart): readonly string[] => {
  const { lines, checks } = listen();
  part.validate_config?.(checks);
  return lines;
};

/** Prepares a part with these exchangers; answers the facts and what was heard. */
export const prepareWith = async (
  part: PolicyPart,
  mx: Readonly<Record<string, MxAnswer>>,
): Promise<{ facts: Record<string, OptionValue>; lines: readonly string[] }> => {
  const { lines, checks } = listen();
  const facts: Record<string, OptionValue> = {};
  const world: Preparing = {
    ...checks,
    resolveMx: async (domain) => mx[domain] ?? { fault: 'NXDOMAIN' },
    keepFact(name, fact) {
      facts[name] = fact;
    },
  };
  await part.prepare?.(world);
  return { facts, lines };
};
