/**
 * Helpers inside a policy file, compiled and loaded as an operator's would be.
 * Deliberately unknown here: what each helper answers.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compilePolicy } from '../../src/policy/compile.ts';
import { handlersOf } from '../../src/policy/define.ts';
import { originsOf } from '../../src/policy/helpers/origins.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { borrowWorld } from '../../src/policy/world.ts';
import type { PolicyFolder } from './policy-files.ts';
import { makePolicyFolder } from './policy-files.ts';

const POLICY = `import { definePolicy } from 'waybill/policy';
import { dkim, listenerDomains, queues, shaping, sources } from 'waybill/helpers';

export const signing = dkim({ files: ['dkim.toml'] });
export default definePolicy(
  sources({ files: ['sources.toml'] }),
  shaping({ files: ['shaping.json'] }),
  listenerDomains({ files: ['domains.toml'] }),
  signing,
  { init(setup) { setup.smtpListener({ listen: '127.0.0.1:2025' }); } },
  queues({ files: ['queues.toml'] }),
);
`;
const FILES = {
  'policy.ts': POLICY,
  'sources.toml': '[source.a]\nsource_address = "127.0.0.1"\n[pool.p.a]\n',
  'shaping.json': '{"default": {"connection_limit": 3}}',
  'domains.toml': '["example.com"]\nrelay_to = true\n',
  'dkim.toml': '[domain."example.com"]\nselector = "s"\n',
  'queues.toml': '[queue.default]\negress_pool = "p"\n',
};
const folders: PolicyFolder[] = [];

const make = (changed: Readonly<Record<string, string>> = {}): PolicyFolder => {
  const made = makePolicyFolder({ ...FILES, ...changed });
  folders.push(made);
  return made;
};

afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

describe('helpers in a policy file', () => {
  it('answer for their handlers, with origins that survive compiling', async () => {
    const { policy } = await make().load();
    // What follows is asked after the loan is over, as in a worker.
    assert.throws(borrowWorld, /data files can only be read while a policy is loaded/);
    const [queue] = handlersOf(policy, 'get_queue_config');
    const answer = queue?.('a.com', undefined, undefined, undefined);
    assert.deepEqual(answer, { refresh_strategy: 'Epoch', egress_pool: 'p' });
    assert.equal(originsOf(answer)?.['egress_pool'], "queues.toml: queue.'default'.egress_pool");
    const [path] = handlersOf(policy, 'get_egress_path_config');
    assert.equal(path?.('a.com', 'a', 'site', [])?.connection_limit, 3);
    const [domain] = handlersOf(policy, 'get_listener_domain');
    assert.deepEqual(domain?.('example.com', '127.0.0.1:25', {}), { relay_to: true });
    assert.deepEqual(handlersOf(policy, 'get_egress_pool')[0]?.('p')?.entries, [
      { name: 'a', weight: 1 },
    ]);
    assert.equal(handlersOf(policy, 'validate_config').length, 4);
  });

  it('make the example in the repository', async () => {
    const example = fileURLToPath(new URL('../../examples/helpers/policy.ts', import.meta.url));
    const made = make();
    const { policy, setup } = await loadPolicy(example, join(made.path, 'store'));
    assert.equal(setup.smtpListeners.length, 1);
    const answers = handlersOf(policy, 'get_queue_config').map((ask) =>
      ask('a.com', 'acme', 'x', undefined),
    );
    assert.equal(answers.find((one) => one !== undefined)?.egress_pool, 'acme');
    assert.deepEqual(
      setup.logHooks.map(({ name }) => name),
      ['webhook', 'acme-failures'],
    );
    const path = handlersOf(policy, 'get_egress_path_config')[0];
    const google = path?.('gmail.com', 'ip-2', 'x', ['gmail-smtp-in.l.google.com']);
    assert.deepEqual(google?.additional_message_rate_throttles, {
      'shaping-provider-google-ip-2-rate': '50/s',
    });
  });

  it('make the same text wherever the policy lies, and none that names a place', async () => {
    const [one, two] = [make(), make()];
    const first = await compilePolicy(join(one.path, 'policy.ts'));
    const second = await compilePolicy(join(two.path, 'policy.ts'));
    assert.equal(first.code, second.code);
    assert.equal(first.hash, second.hash);
    for (const text of [first.code, first.map]) {
      assert.doesNotMatch(text, /node_modules/);
      assert.ok(!text.includes(process.cwd()));
    }
  });

  it('refuse the policy with file and key', async () => {
    const broken = make({ 'queues.toml': '[queue.default]\negres_pool = "p"\n' });
    assert.equal(
      await broken.refusal(),
      "queues.toml: queue.'default'.egres_pool: 'p' is not a table, and 'egres_pool' is not an " +
        "option here; did you mean 'egress_pool'?",
    );
    const syntax = make({ 'sources.toml': '[source.a\n' });
    assert.match(await syntax.refusal(), /^sources\.toml:1:\d+: /);
    const missing = make({ 'policy.ts': POLICY.replace('sources.toml', 'source.toml') });
    assert.match(await missing.refusal(), /^source\.toml: this (data )?file does not exist; /);
  });

  it('refuse a policy in which a part would never be asked', async () => {
    const last = "  queues({ files: ['queues.toml'] }),\n";
    const first = POLICY.replace(last, '').replace('definePolicy(\n', `definePolicy(\n${last}`);
    const more = first.replace('{ init(', '{ get_queue_config: () => undefined, init(');
    assert.match(
      await make({ 'policy.ts': more }).refusal(),
      /^policy\.ts:5:16: get_queue_config of part 6 is never asked: part 1 answers all; put part 1/,
    );
  });
});
