/**
 * Story: an operator checks a policy before it goes live. What is in order ends with 0 and says
 * what was reached; a mistake ends with 1, as a timeline with the line that repeats it, and as a
 * test file that fails; what cannot be loaded is named.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MISTAKES, writePlanted } from './planted-policy.ts';

const PROGRAM = fileURLToPath(new URL('../../src/waybill.ts', import.meta.url));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const waybill = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const words = ['--import', 'tsx', PROGRAM, 'check', ...args];
    const child = execFile(process.execPath, words, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });

const mistake = MISTAKES.find(({ what }) => what.includes('wrong tenant'));
const TENANT = ['--tenant', 'acme=acme-pool'] as const;

test('a policy in order', async (t) => {
  const file = await writePlanted();
  t.after(() => rm(dirname(file), { recursive: true }));
  const { code, out } = await waybill(file, '--seconds', '3', ...TENANT);
  assert.equal(code, 0, out);
  assert.match(out, /21 laws hold in \d+ runs? \(seed 1\)/);
  assert.match(out, /handlers {2}4 of 4 reached/);
});

test('a mistake, its repetition and its test file', async (t) => {
  const file = await writePlanted(mistake?.parts);
  const folder = dirname(file);
  t.after(() => rm(folder, { recursive: true }));
  const written = join(folder, 'found.test.ts');
  const first = await waybill(file, '--seconds', '60', ...TENANT, '--write', written);
  assert.equal(first.code, 1, first.err);
  assert.match(first.out, /broken:.* tenants-keep-to-their-pools/);
  assert.match(first.out, /\n00:00:00\.100 {2}1\. send to /);
  const line = /^Again: waybill check (.*)$/m.exec(first.out)?.[1] ?? '';
  const again = await waybill(...line.split(' '), '--json');
  assert.equal(again.code, 1, again.err);
  const verdict = JSON.parse(again.out) as Record<string, unknown>;
  assert.equal(verdict['isGood'], false);
  assert.equal(verdict['law'], 'tenants-keep-to-their-pools');
  assert.equal(verdict['repeat'], `waybill check ${line}`);
  assert.ok(first.out.includes(String(verdict['timeline'])), 'the same run, told the same');
  const text = await readFile(written, 'utf8');
  assert.match(text, /loadPolicy\(new URL\("\.\/policy\.ts", import\.meta\.url\)\)/);
  assert.match(text, /tenantsKeepToTheirPools\(\{"acme":\["acme-pool"\]\}\)/);
  const kept = await waybill(...line.split(' '), '--write', written);
  assert.equal(kept.code, 69, 'a file that is there is left alone');
});

test('what cannot be checked', async () => {
  const missing = await waybill('no-such-policy.ts');
  assert.equal(missing.code, 69);
  assert.match(missing.err, /no-such-policy\.ts: there is no such file/);
  const usage = await waybill('policy.ts', '--path', 'x');
  assert.equal(usage.code, 64);
  assert.match(usage.err, /the path that a check has printed/);
});
