/**
 * When the contents of a policy's files say all about it: then, and only then, a start may use what
 * was proved before. Real files and the real compiler.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { compilePolicy } from '../../src/policy/compile.ts';
import { mindsItsOwn } from '../../src/policy/compile-contained.ts';

let dir = '';

const HEAD = "import { definePolicy } from 'waybill/policy';\n";
const BODY = 'export default definePolicy({ init() {} });\n';

const namesItsFiles = async (head: string, name = 'policy.ts'): Promise<boolean> => {
  writeFileSync(join(dir, 'policy.ts'), `${head}${HEAD}${BODY}`);
  return (await compilePolicy(join(dir, name))).namesItsFiles;
};

describe('a policy names its files', () => {
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'waybill-contained-'));
    mkdirSync(join(dir, 'parts'));
    mkdirSync(join(dir, 'node_modules/some'), { recursive: true });
    writeFileSync(join(dir, 'node_modules/some/index.js'), 'export const limit = 1;\n');
    writeFileSync(join(dir, 'parts/limit.ts'), 'export const limit = 1;\n');
    symlinkSync('parts', join(dir, 'link'));
    symlinkSync('parts/limit.ts', join(dir, 'limit.ts'));
    symlinkSync('policy.ts', join(dir, 'linked.ts'));
  });
  after(() => rmSync(dir, { recursive: true }));

  const use = (from: string): string => `import { limit } from '${from}';\nvoid limit;\n`;
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['alone', '', true],
    ['with a module named in full', use('./parts/limit.ts'), true],
    ['with one that is looked for', use('./parts/limit'), false],
    ['through a linked folder', use('./link/limit.ts'), false],
    ['through a linked file', use('./limit.ts'), false],
    ['with a package', use('some'), false],
    ['with something of Node', "import { hostname } from 'node:os';\nvoid hostname;\n", false],
  ];
  for (const [name, head, expected] of cases) {
    test(name, async () => assert.equal(await namesItsFiles(head), expected));
  }
  test('as a link itself', async () => assert.equal(await namesItsFiles('', 'linked.ts'), false));
});

test('what names its surroundings does not mind its own', () => {
  assert.equal(mindsItsOwn(['const limit = 1;', '[source.a]']), true);
  for (const text of ['process.env.POOL', "globalThis['x']", 'await fetch(url)', 'eval(text)']) {
    assert.equal(mindsItsOwn(['', text]), false, text);
  }
});
