/**
 * The example in examples/policy-tests as its user would have it: Waybill packed and unpacked as
 * npm does, its tests green, its types in order by what is published; and with one mistake in the
 * policy red, with a timeline that names it.
 * Deliberately unknown here: registries. Beside Waybill lies what this checkout has installed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeScratch } from '../faults/scratch.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS_MAX = 240_000;
const scratch = makeScratch('policy-tests');
const project = join(scratch.path, 'project');

interface Ran {
  readonly code: number | null;
  readonly text: string;
}

const run = (cwd: string, name: string, ...args: string[]): Ran => {
  // As from a shell of the user: what this run of tests tells its children is not for them.
  const { NODE_TEST_CONTEXT: _context, NODE_OPTIONS: _options, ...env } = process.env;
  const done = spawnSync(name, args, {
    cwd,
    env: { ...env, SECONDS: '5', NO_COLOR: '1' },
    encoding: 'utf8',
    timeout: WAIT_MS_MAX,
  });
  return { code: done.status, text: `${done.stdout}${done.stderr}` };
};

const demand = ({ code, text }: Ran): string => {
  assert.equal(code, 0, text);
  return text;
};

/** Waybill as a package in `node_modules`, and everything else as it is installed here. */
const install = (): void => {
  const from = join(ROOT, 'node_modules');
  const to = join(project, 'node_modules');
  const own = join(scratch.path, 'own');
  mkdirSync(join(to, 'waybill'), { recursive: true });
  mkdirSync(own, { recursive: true });
  demand(
    run(ROOT, join(from, '.bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', join(own, 'dist')),
  );
  cpSync(join(ROOT, 'package.json'), join(own, 'package.json'));
  // No script runs: `prepare` would build what was just built.
  demand(run(own, 'npm', 'pack', '--ignore-scripts', '--pack-destination', scratch.path));
  const [packed = ''] = readdirSync(scratch.path).filter((name) => name.endsWith('.tgz'));
  const file = join(scratch.path, packed);
  demand(run(scratch.path, 'tar', 'xzf', file, '--strip-components=1', '-C', join(to, 'waybill')));
  const others = readdirSync(from).filter((name) => name !== 'waybill' && name !== '.bin');
  for (const name of others) symlinkSync(join(from, name), join(to, name));
};

const edit = (name: string, from: string, to: string): void => {
  const path = join(project, name);
  const text = readFileSync(path, 'utf8');
  assert.ok(text.includes(from), `${name} has ${from}`);
  writeFileSync(path, text.replace(from, to));
};

before(() => {
  mkdirSync(scratch.path, { recursive: true });
  cpSync(join(ROOT, 'examples/policy-tests'), project, { recursive: true });
  install();
});
after(() => scratch.remove());

test('it asks for this Waybill, and for what this checkout is tested with', () => {
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Asked;
  const ours = read(join(ROOT, 'package.json'));
  const asked = read(join(project, 'package.json'));
  assert.deepEqual(asked.dependencies, { waybill: ours.version });
  for (const [name, version] of Object.entries(asked.devDependencies)) {
    assert.equal(version, ours.devDependencies[name] ?? ours.dependencies[name], name);
  }
});

interface Asked {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

test('its types are in order, and a wrong option is none', () => {
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  demand(run(project, tsc));
  edit('policy.ts', 'relay_hosts:', 'relay_host:');
  const { code, text } = run(project, tsc);
  edit('policy.ts', 'relay_host:', 'relay_hosts:');
  assert.notEqual(code, 0);
  assert.match(text, /policy\.ts\(\d+,\d+\): error TS\d+: .*relay_host/s);
});

test('its tests are green', () => {
  const text = demand(run(project, 'npm', 'test'));
  assert.match(text, /# pass 5\n# fail 0/);
});

test('a mistake in the policy is red, with a timeline that names it', () => {
  edit('policy.ts', "{ egress_pool: 'bulk'", "{ egress_pool: 'transactional'");
  const { code, text } = run(project, 'npm', 'test');
  assert.equal(code, 1, text);
  assert.match(text, /tenants-keep-to-their-pools: the tenant news uses the pool transactional/);
  assert.match(text, /00:00:00\.100 {2}1\. send to .*tenant news/);
});
