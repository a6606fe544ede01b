/**
 * Loading a policy, by example: where it may lie, what it may import, what the result is named.
 * Refusals have a file of their own. Deliberately unknown here: what handlers answer.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { isPolicy } from '../../src/policy/define.ts';
import type { PolicyFolder } from './policy-files.ts';
import { makePolicyFolder, withInit } from './policy-files.ts';

const folders: PolicyFolder[] = [];
const folder = (files: Readonly<Record<string, string>>): PolicyFolder => {
  const made = makePolicyFolder(files);
  folders.push(made);
  return made;
};

afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

describe('a policy', () => {
  it('loads from anywhere on disk and says what it sets up', async () => {
    const { policy, setup, hash, file } = await folder({ 'policy.ts': withInit('') }).load();
    assert.ok(isPolicy(policy));
    assert.deepEqual(setup.smtpListeners[0]?.listen, { address: '127.0.0.1', port: 2025 });
    assert.match(hash, /^[0-9a-f]{16}$/);
    assert.equal(basename(file), `${hash}.mjs`);
    assert.ok(existsSync(file));
  });

  it('may be TypeScript or JavaScript and import its neighbours, JSON and packages', async () => {
    const made = folder({
      'policy.mjs': `import { definePolicy } from 'waybill/policy';
        import { init } from './parts/listen.ts';
        import pools from './pools.json' with { type: 'json' };
        import old from 'old-package';
        import { hostname } from 'node:os';
        if (hostname() === '') throw new Error('no name');
        export default definePolicy({ init }, {
          get_egress_pool: () => ({ entries: [{ name: pools.source + old.suffix }] }),
        });`,
      'parts/listen.ts': `import type { Setup } from 'waybill/policy';
        export const init = (setup: Setup): void => setup.smtpListener({ listen: '[::1]:0' });`,
      'pools.json': '{"source": "ip"}',
      'node_modules/old-package/package.json': '{"name": "old-package", "main": "main.js"}',
      'node_modules/old-package/main.js': `const { sep } = require('path');
        module.exports = { suffix: sep };`,
    });
    const { policy, setup } = await made.load('policy.mjs');
    assert.equal(setup.smtpListeners[0]?.listen.address, '::1');
    const pool = policy.parts[1]?.get_egress_pool?.('p');
    assert.deepEqual(pool, { entries: [{ name: 'ip/' }] });
  });

  it('has one name for one content, wherever it lies', async () => {
    const one = await folder({ 'policy.ts': withInit('') }).load();
    const two = await folder({ 'deep/er/policy.ts': withInit('') }).load('deep/er/policy.ts');
    const other = folder({ 'policy.ts': withInit('get_queue_config: () => ({}),') });
    assert.equal(one.hash, two.hash);
    assert.notEqual((await other.load()).hash, one.hash);
    assert.doesNotMatch(readFileSync(one.file, 'utf8'), /waybill-policy-|node_modules|src\/policy/);
  });

  it('is written once, whole, and mended when it was damaged', async () => {
    const made = folder({ 'policy.ts': withInit('') });
    const { file } = await made.load();
    const writtenAt = statSync(file).mtimeMs;
    assert.equal((await made.load()).file, file);
    assert.equal(statSync(file).mtimeMs, writtenAt);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, 100));
    await made.load();
    assert.equal(readFileSync(file, 'utf8'), text);
    assert.deepEqual(readdirSync(join(made.path, 'store')), [basename(file)]);
  });

  it('that changed is loaded anew, and the old one keeps its answers', async () => {
    const made = folder({ 'policy.ts': withInit("get_queue_config: () => ({ max_age: '1h' }),") });
    const before = await made.load();
    made.write('policy.ts', withInit("get_queue_config: () => ({ max_age: '2h' }),"));
    const after = await made.load();
    assert.deepEqual(before.policy.parts[0]?.get_queue_config?.('a', '', '', ''), {
      max_age: '1h',
    });
    assert.deepEqual(after.policy.parts[0]?.get_queue_config?.('a', '', '', ''), { max_age: '2h' });
  });

  it('knows the line on which a handler threw', async () => {
    const made = folder({
      'policy.ts': withInit(`  get_queue_config: () => {
    throw new Error('not today');
  },`),
    });
    const { policy, findPlace } = await made.load();
    let thrown: unknown;
    try {
      policy.parts[0]?.get_queue_config?.('a.test', undefined, undefined, undefined);
    } catch (error) {
      thrown = error;
    }
    assert.match(findPlace(thrown), /policy\.ts:5:11$/);
    assert.equal(findPlace(new Error('elsewhere')), '');
    assert.equal(findPlace('no error'), '');
  });
});
