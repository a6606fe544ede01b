/**
 * Signers in a policy file, compiled as an operator's would be: what they refuse, that they do
 * nothing until a message is signed, and what judging a policy says of their keys.
 * Deliberately unknown here: SMTP.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { checkSigningKeys } from '../../src/manager/signing-check.ts';
import { SigningLoan } from '../../src/manager/signing-loan.ts';
import { validatePolicy } from '../../src/manager/validate-policy.ts';
import {
  dkim_ed25519_sha256_signer,
  dkim_rsa_sha256_signer,
  dkim_signers,
} from '../../src/policy/define.ts';
import { isPolicyError } from '../../src/policy/policy-error.ts';
import type { DkimSigner } from '../../src/policy/signers.ts';
import { Gatherer } from '../../src/policy/validate.ts';
import { startVault, TOKEN } from '../contracts/vault-server.ts';
import { ED25519, judgeByMailauth, MESSAGE, octets, RSA, signingBy } from './dkim-kit.ts';
import type { PolicyFolder } from './policy-files.ts';
import { makePolicyFolder } from './policy-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'waybill-dkim-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const keyFile = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const RSA_FILE = keyFile('rsa.pem', RSA.pem);
const ED_FILE = keyFile('ed.pem', ED25519.pem);

const folders: PolicyFolder[] = [];
afterEach(() => {
  for (const made of folders.splice(0)) made.remove();
});
const made = (files: Readonly<Record<string, string>>): PolicyFolder => {
  const one = makePolicyFolder(files);
  folders.push(one);
  return one;
};

const refusalOf = (make: () => unknown): string => {
  try {
    make();
  } catch (thrown) {
    assert.ok(isPolicyError(thrown), String(thrown));
    return thrown.message;
  }
  return assert.fail('it was made');
};

describe('the constructors of signers', () => {
  const usual = { domain: 'example.com', selector: 'rsa', key: RSA_FILE };

  it('refuse bad options with a sentence', () => {
    const said = (options: Readonly<Record<string, unknown>>): string =>
      refusalOf(() => dkim_rsa_sha256_signer({ ...usual, ...options } as typeof usual));
    assert.equal(
      said({ header: ['From'] }),
      "dkim_rsa_sha256_signer: header: is not an option here; did you mean 'headers'?",
    );
    assert.match(said({ domain: undefined }), /: domain: is missing; give a domain$/);
    assert.match(said({ headers: ['To'] }), /: headers: its headers lack From; add it/);
    assert.match(said({ body_length: true }), /\(l=\) lets anyone add to the message; remove it/);
    assert.match(said({ agent_user_identifier: '@evil.com' }), /'@evil\.com' is not in example/);
    assert.match(said({ atps: 'a.com' }), /: atpsh: is missing; give atps and atpsh, or neither/);
    assert.match(said({ header_canonicalization: 'relaxed' }), /did you mean 'Relaxed'\?$/);
    assert.doesNotMatch(said({ key: { key_data: '', x: 'SECRET' } }), /SECRET/);
    assert.match(
      refusalOf(() => dkim_signers(dkim_rsa_sha256_signer(usual), {} as DkimSigner)),
      /^dkim_signers was given something that is no signer; give it what dkim_rsa_sha/,
    );
  });

  it('read no key, and sign nothing where nobody takes mail', async () => {
    const signer = dkim_rsa_sha256_signer({ ...usual, key: '/nowhere/at/all' });
    await assert.rejects(signer.sign([MESSAGE]), /only a worker that takes mail signs/);
  });

  it('sign in a worker, several as one, from a compiled policy too', async () => {
    const loan = new SigningLoan(pino({ level: 'silent' }));
    try {
      const policy = made({
        'policy.mjs': `
          import { definePolicy, dkim_ed25519_sha256_signer } from 'waybill/policy';
          export const signer = dkim_ed25519_sha256_signer({
            domain: 'example.com', selector: 'ed', key: ${JSON.stringify(ED_FILE)},
          });
          export default definePolicy({
            init(setup) { setup.smtpListener({ listen: '127.0.0.1:2025' }); },
          });`,
      });
      const { file } = await policy.load('policy.mjs');
      const compiled = (await import(pathToFileURL(file).href)) as { signer: DkimSigner };
      const ed = { domain: 'example.com', selector: 'ed', key: ED_FILE };
      const all = dkim_signers(
        dkim_rsa_sha256_signer(usual),
        dkim_ed25519_sha256_signer(ed),
        compiled.signer,
      );
      assert.equal(loan.numbers(), undefined);
      const lines = await all.sign([MESSAGE.subarray(0, 50), MESSAGE.subarray(50)]);
      const whole = Buffer.concat([octets(lines), MESSAGE]);
      assert.deepEqual(await judgeByMailauth(whole), ['pass', 'pass', 'pass']);
      assert.equal(loan.numbers()?.signed, 1);
    } finally {
      await loan.end();
    }
  });
});

describe('judging a policy', () => {
  const policyWith = (toml: string): PolicyFolder =>
    made({
      'policy.ts': `
        import { dkim } from 'waybill/helpers';
        import { definePolicy } from 'waybill/policy';
        export default definePolicy(dkim({ files: ['dkim.toml'] }), {
          init(setup) { setup.smtpListener({ listen: '127.0.0.1:2025' }); },
          get_queue_config: () => ({ egress_pool: 'p' }),
          get_egress_pool: (name) => name === 'p' ? { entries: [{ name: 's' }] } : undefined,
          get_egress_source: (name) => name === 's' ? {} : undefined,
        });`,
      'dkim.toml': toml,
    });

  it('refuses keys that are missing, or of another kind', async () => {
    const { refusals, step } = await validatePolicy(
      join(
        policyWith(
          `[base]\nselector = "s"\n[domain."a.com"]\nfilename = "/nowhere/a.pem"\n` +
            `[domain."b.com"]\nfilename = "${ED_FILE}"\n[domain."*.c.com"]\n` +
            `[domain."d.com"]\nfilename = "${RSA_FILE}"\n`,
        ).path,
        'policy.ts',
      ),
    );
    assert.equal(step, 'canary');
    assert.equal(refusals.length, 2, refusals.join('\n'));
    const where = "dkim.toml: domain.'a.com'.filename: the DKIM key of s._domainkey.a.com";
    const problem = '(the file /nowhere/a.pem): it cannot be read: ENOENT';
    assert.ok(refusals[0]?.startsWith(`${where} ${problem}`), refusals[0]);
    assert.match(
      refusals[0] ?? '',
      /; correct the path, or let the user of waybilld read the file$/,
    );
    assert.match(refusals[1] ?? '', /it is an Ed25519 key, not RSA; sign with algo 'ed25519'$/);
  });

  it('takes a policy whose keys are in order', async () => {
    const policy = policyWith(
      `[domain."b.com"]\nselector = "s"\nalgo = "ed25519"\nfilename = "${ED_FILE}"\n`,
    );
    const { refusals } = await validatePolicy(join(policy.path, 'policy.ts'));
    assert.deepEqual(refusals, []);
  });

  it('asks a silent Vault once and warns; what it refuses is refused', async () => {
    const vault = await startVault();
    try {
      const at = (vault_path: string) => {
        const key = { vault_mount: 'm', vault_path, vault_address: vault.address };
        return signingBy(RSA, { key: { ...key, vault_token: TOKEN } });
      };
      vault.manner = (response) => response.writeHead(503).end();
      const found = new Gatherer();
      for (const path of ['a', 'b', 'c']) found.expectKey(at(path), 'dkim.toml: x');
      await checkSigningKeys(found);
      assert.equal(vault.asked.length, 1);
      assert.equal(found.warnings.length, 1);
      assert.deepEqual(found.refusals, []);
      vault.manner = undefined;
      await checkSigningKeys(found);
      assert.equal(found.refusals.length, 3);
      assert.match(found.refusals[0] ?? '', /answered 404: there is no such secret; store it with/);
    } finally {
      await vault.close();
    }
  });
});
