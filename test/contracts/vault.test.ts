/**
 * Secrets out of a Vault, against a real HTTP server: what is asked, what is taken for an answer,
 * and that each way to fail is a sentence with something to do, in time.
 * Deliberately unknown here: what the secret is for.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { VaultSource } from '../../src/domain/signing-key-source.ts';
import { signingKeySource } from '../../src/domain/signing-key-source.ts';
import { readVaultSecret, VaultProblem } from '../../src/ports/node/vault.ts';
import type { VaultServer } from './vault-server.ts';
import { startVault, TOKEN } from './vault-server.ts';

let vault: VaultServer;
before(async () => {
  vault = await startVault();
});
after(() => vault.close());
beforeEach(() => {
  vault.manner = undefined;
  vault.asked.length = 0;
  vault.secrets.clear();
  vault.secrets.set('secret dkim/example.com/s1', { key: 'PRIVATE-1', other: 'another' });
});

const sourceOf = (options: Readonly<Record<string, unknown>> = {}): VaultSource =>
  signingKeySource.read({
    vault_mount: 'secret',
    vault_path: 'dkim/example.com/s1',
    vault_address: vault.address,
    vault_token: TOKEN,
    ...options,
  }) as VaultSource;

const problemOf = async (source: VaultSource, msMax?: number): Promise<VaultProblem> => {
  try {
    await readVaultSecret(source, msMax);
  } catch (thrown) {
    assert.ok(thrown instanceof VaultProblem, String(thrown));
    assert.doesNotMatch(thrown.message, /s\.good|PRIVATE-1/);
    return thrown;
  }
  return assert.fail('it was read');
};

describe('a Vault', () => {
  it('gives the field of a secret', async () => {
    assert.equal(await readVaultSecret(sourceOf()), 'PRIVATE-1');
    assert.equal(await readVaultSecret(sourceOf({ vault_key: 'other' })), 'another');
    assert.deepEqual(vault.asked, Array(2).fill('GET /v1/secret/data/dkim/example.com/s1'));
  });

  it('is asked for paths as they are written, however odd', async () => {
    vault.secrets.set('kv/team a?b#c', { key: 'odd' });
    const source = sourceOf({ vault_mount: 'kv/team', vault_path: 'a?b#c' });
    assert.equal(await readVaultSecret(source), 'odd');
    for (const path of ['/a', 'a/', 'a//b', '../a', 'a/./b', '']) {
      assert.throws(() => sourceOf({ vault_path: path }), /OptionError|is not a (path|text)/, path);
    }
  });

  it('is found by the environment where nothing else is said', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { VAULT_ADDR: `${vault.address}/`, VAULT_TOKEN: TOKEN });
    try {
      const source = sourceOf({ vault_address: undefined, vault_token: undefined });
      assert.equal(await readVaultSecret(source), 'PRIVATE-1');
      delete process.env['VAULT_TOKEN'];
      assert.match((await problemOf(source)).message, /no token for the Vault; set VAULT_TOKEN/);
      delete process.env['VAULT_ADDR'];
      assert.match(
        (await problemOf(source)).message,
        /not known where the Vault is; set VAULT_ADDR/,
      );
      process.env['OUR_TOKEN'] = TOKEN;
      const named = sourceOf({ vault_token: { env: 'OUR_TOKEN' } });
      assert.equal(await readVaultSecret(named), 'PRIVATE-1');
    } finally {
      process.env = before;
    }
  });

  it('that refuses says what to do', async () => {
    const forbidden = await problemOf(sourceOf({ vault_token: 's.bad' }));
    assert.equal(forbidden.isLasting, true);
    assert.match(forbidden.message, /answered 403: .*policy that may read secret\/data\/dkim\/ex/);
    const missing = await problemOf(sourceOf({ vault_path: 'dkim/a.com/s1' }));
    assert.match(
      missing.message,
      /answered 404: .*vault kv put -mount=secret dkim\/a\.com\/s1 key=/,
    );
    const field = await problemOf(sourceOf({ vault_key: 'nothing' }));
    assert.match(field.message, /has no field 'nothing' with a text; name the field in vault_key/);
    assert.equal(field.isLasting, true);
  });

  it('that fails is asked again by and by', async () => {
    vault.manner = (response) => response.writeHead(500).end('{"errors":["internal"]}');
    const failing = await problemOf(sourceOf());
    assert.deepEqual([failing.problem, failing.isLasting], ['the Vault answered 500', false]);
    vault.manner = (response) => response.destroy();
    const broken = await problemOf(sourceOf());
    assert.match(broken.problem, /^the Vault at http:\/\/127\.0\.0\.1:\d+ cannot be asked: /);
    assert.equal(broken.isLasting, false);
    const nobody = await problemOf(sourceOf({ vault_address: 'http://127.0.0.1:1' }));
    assert.match(nobody.problem, /cannot be asked: /);
  });

  it('that hangs, with or without half an answer, is given up in time', async () => {
    for (const manner of [
      () => {},
      (response: { write(text: string): unknown }) => response.write('{"data": {'),
    ]) {
      vault.manner = manner;
      const from = performance.now();
      const hanging = await problemOf(sourceOf(), 200);
      assert.ok(performance.now() - from < 5_000);
      assert.equal(hanging.isLasting, false);
      assert.match(hanging.problem, /cannot be asked: no answer within /);
    }
  });

  it('that sends elsewhere, says too much, or no JSON, is not believed', async () => {
    vault.manner = (response) => response.writeHead(307, { location: 'http://evil/' }).end();
    assert.match((await problemOf(sourceOf())).problem, /answered 307: it sends elsewhere/);
    vault.manner = (response) => response.writeHead(200).end('x'.repeat(2_000_000));
    assert.match((await problemOf(sourceOf())).problem, /more than 1048576 octets/);
    for (const text of ['<html>', '', 'null', '[]', '{"data":{"data":{"key":7}}}']) {
      vault.manner = (response) => response.writeHead(200).end(text);
      assert.match((await problemOf(sourceOf())).problem, /not JSON|no field 'key'/, text);
    }
  });
});
