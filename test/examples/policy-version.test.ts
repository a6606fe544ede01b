/**
 * Stored versions, by example: they are loaded from the store alone, and the canary proves what the
 * loader cannot.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { Rule } from '../../src/domain/explanation.ts';
import { loadNumbered } from '../../src/manager/load.ts';
import { createPolicyAsker } from '../../src/policy/ask.ts';
import type { LoadedVersion } from '../../src/policy/load-version.ts';
import { loadVersion } from '../../src/policy/load-version.ts';
import { FILES, POLICY, VersionFolder } from './policy-version-files.ts';

const folders: VersionFolder[] = [];
const folder = (files: Readonly<Record<string, string>> = {}): VersionFolder => {
  const made = new VersionFolder({ ...FILES, ...files });
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});

const ehloOf = (version: LoadedVersion): string | undefined =>
  createPolicyAsker(version.policy, (fault) => assert.fail(fault.sentence)).source('ip-1')?.value
    .ehlo_domain;

describe('a stored version', () => {
  it("is loaded without the operator's files, which may be gone or changed", async () => {
    const made = folder();
    const first = await made.activate();
    made.write('data/sources.toml', FILES['data/sources.toml']?.replace('one', 'two') ?? '');
    const second = await made.activate();
    for (const name of Object.keys(FILES)) rmSync(join(made.made.path, name));
    const loads = [first, second, first].map((number) => made.loadVersion(number));
    const versions = await Promise.all(loads);
    assert.deepEqual(versions.map(ehloOf), ['one.example', 'two.example', 'one.example']);
    assert.equal(versions[0]?.file, versions[1]?.file, 'their code is the same');
    const listen = { address: '127.0.0.1', port: 0 };
    assert.deepEqual(versions[1]?.setup.smtpListeners[0]?.listen, listen);
    await assert.rejects(made.loadVersion(9), /there is no version 9/);
  });

  it("tells an option's place in the operator's files, not in what was compiled", async () => {
    const made = folder();
    const world = await loadNumbered(await made.activate(), made.data);
    const rule = { handler: 'get_queue_config', args: ['a.test'], option: 'max_age', value: '' };
    assert.match(world.originOf(rule as Rule), /policy\.ts:10: get_queue_config, or the default$/);
    const pool = { handler: 'get_egress_source', args: ['ip-1'], option: 'ehlo_domain', value: '' };
    assert.match(world.originOf(pool as Rule), /data\/sources\.toml: source\.'ip-1'\.ehlo_domain$/);
    await world.close();
  });

  it('has the facts that were learnt when it was prepared, and no other files', async () => {
    const made = folder({
      'policy.ts': POLICY.replace(
        'init(',
        `prepare(world) { world.keepFact('learnt', { at: 'load' }); },
         get_egress_path_config: () => ({ provider_name: String(facts.learnt?.at) }),
         init(`,
      ).replace(
        'export default',
        "const { facts } = globalThis[Symbol.for('waybill.policy.world.1')];\nexport default",
      ),
    });
    const number = await made.activate();
    const version = await made.loadVersion(number);
    const { value } = createPolicyAsker(version.policy, () => {}).pathConfig('a.test', 'ip-1', 's');
    assert.equal(value.provider_name, 'load');
  });

  it('that cannot be read whole is refused', async () => {
    const made = folder();
    const number = await made.activate();
    const stored = made.using((store) => store.find(number));
    const shelf = { find: () => stored && { ...stored, files: [] } };
    await assert.rejects(
      loadVersion(shelf, number, made.data),
      /data\/sources\.toml: this file is not part of the stored version/,
    );
  });
});

describe('a canary that fails rejects the version even when the loader passed', () => {
  const TLS = "listen: '127.0.0.1:0', tls_certificate: 'none.pem', tls_private_key: 'none.key'";

  it('when keys cannot be read or do not fit', async () => {
    const policy = POLICY.replace("listen: '127.0.0.1:0'", TLS);
    const made = folder({ 'policy.ts': policy });
    const loaded = await made.load();
    assert.equal(loaded.kind, 'loaded');
    const proof = await made.prove(loaded.number);
    assert.ok(proof.kind === 'refused');
    assert.match(proof.sentence, /^setup\.smtpListener 127\.0\.0\.1:0: tls_certificate: .*ENOENT/);
    const bad = policy.replaceAll(/'none\.(pem|key)'/g, "{ key_data: 'no key at all' }");
    made.write('policy.ts', bad);
    const next = await made.load();
    const second = await made.prove(next.kind === 'loaded' ? next.number : 0);
    assert.ok(second.kind === 'refused');
    assert.match(second.sentence, /tls_certificate and tls_private_key: .*PEM/i);
    assert.doesNotMatch(second.sentence, /no key at all/);
  });

  it('when the policy answers otherwise at another time, or loops then', async () => {
    const made = folder({
      'policy.ts': POLICY.replace(
        'init(',
        `get_egress_path_config() {
      if (existsSync('${join(folder().made.path, 'bad')}')) return { smtp_prot: 25 };
      for (; existsSync('${join(folder().made.path, 'loop')}'); );
      return {};
    },\n    init(`,
      ).replace('import', "import { existsSync } from 'node:fs';\nimport"),
    });
    const [, bad, loop] = [made, folders[0], folders[1]];
    const loaded = await made.load();
    assert.equal(loaded.kind, 'loaded');
    assert.deepEqual(await made.prove(loaded.number), { kind: 'proved' });
    bad?.write('bad', '');
    const proof = await made.prove(loaded.number);
    assert.ok(proof.kind === 'refused' && /smtp_prot.*'smtp_port'\?$/.test(proof.sentence));
    rmSync(join(bad?.made.path ?? '', 'bad'));
    loop?.write('loop', '');
    const stuck = await made.prove(loaded.number);
    assert.ok(stuck.kind === 'refused');
    assert.match(
      stuck.sentence,
      /^policy\.ts:\d+:\d+: get_egress_path_config for .* did not end within 3 s/,
    );
  });

  it('when there is no such version', async () => {
    const made = folder();
    await made.load();
    const proof = await made.prove(5);
    assert.ok(proof.kind === 'refused' && /there is no version 5/.test(proof.sentence));
  });
});
