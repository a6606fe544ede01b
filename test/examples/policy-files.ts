/**
 * Policies written into a folder outside the repository and loaded from there, as operators do.
 * Deliberately unknown here: what is in them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LoadedPolicy } from '../../src/policy/load.ts';
import { loadPolicy } from '../../src/policy/load.ts';

/** A folder of its own for one test. */
export interface PolicyFolder {
  readonly path: string;
  write(name: string, text: string): string;
  load(name?: string): Promise<LoadedPolicy>;
  /** The sentence of the refusal, with the folder's path left out. */
  refusal(name?: string): Promise<string>;
  remove(): void;
}

/** Makes the folder and writes `files` into it. */
export const makePolicyFolder = (files: Readonly<Record<string, string>> = {}): PolicyFolder => {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'waybill-policy-')));
  const write = (name: string, text: string): string => {
    const file = join(path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const load = (name = 'policy.ts') => loadPolicy(join(path, name), join(path, 'store'));
  return {
    path,
    write,
    load,
    refusal: async (name) => {
      try {
        await load(name);
      } catch (error) {
        assert.ok(error instanceof Error && error.name === 'PolicyError', String(error));
        assert.doesNotMatch(error.message, /\n/);
        // Places are relative to the working directory, or absolute where it is shorter.
        return error.message.replaceAll(/[^\s']*waybill-policy-[^/]*\//g, '');
      }
      return assert.fail('the policy was not refused');
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
};

/** The least a policy needs besides what a test is about. */
export const withInit = (rest: string): string =>
  `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) { setup.smtpListener({ listen: '127.0.0.1:2025' }); },
${rest}
});
`;
