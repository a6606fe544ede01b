/**
 * Private keys, by example: which forms are read, which are refused and how that is said, and how
 * long a key is used. Deliberately unknown here: messages.
 */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { isSigningFault } from '../../src/dkim/fault.ts';
import { KeyProblem, readPrivateKey } from '../../src/dkim/private-key.ts';
import type { DkimAlgorithm } from '../../src/domain/options-dkim.ts';
import { KEY_RETRY_MS, SigningKeys, STALE_KEY_MS_MAX } from '../../src/ports/node/signing-keys.ts';
import { startVault, TOKEN } from '../contracts/vault-server.ts';
import { ED25519, makeKey, RSA, signingBy } from './dkim-kit.ts';

const publicOf = (key: KeyObject): string =>
  createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString();

const problemOf = (octets: Buffer | string, algo: DkimAlgorithm): string => {
  try {
    readPrivateKey(Buffer.from(octets as string), algo);
  } catch (thrown) {
    assert.ok(thrown instanceof KeyProblem, String(thrown));
    return thrown.message;
  }
  return assert.fail('it was read');
};

describe('a private key', () => {
  const der = (key: KeyObject, type: 'pkcs1' | 'pkcs8'): Buffer =>
    key.export({ format: 'der', type } as { format: 'der'; type: 'pkcs8' });
  const pkcs1 = RSA.key.export({ format: 'pem', type: 'pkcs1' }).toString();

  it('is read in every usual form', () => {
    const forms: readonly (readonly [string, DkimAlgorithm, Buffer])[] = [
      ['RSA PKCS#8 PEM', 'sha256', Buffer.from(RSA.pem)],
      ['RSA PKCS#1 PEM', 'sha256', Buffer.from(pkcs1)],
      ['with text around', 'sha256', Buffer.from(`our key\r\n\r\n${pkcs1}\n\n`)],
      ['RSA PKCS#8 DER', 'sha256', der(RSA.key, 'pkcs8')],
      ['RSA PKCS#1 DER', 'sha256', der(RSA.key, 'pkcs1')],
      ['RSA DER base64', 'sha256', Buffer.from(der(RSA.key, 'pkcs1').toString('base64'))],
      ['Ed25519 PEM', 'ed25519', Buffer.from(ED25519.pem)],
      ['Ed25519 DER', 'ed25519', der(ED25519.key, 'pkcs8')],
      ['Ed25519 DER base64', 'ed25519', Buffer.from(der(ED25519.key, 'pkcs8').toString('base64'))],
      ['Ed25519 seed', 'ed25519', der(ED25519.key, 'pkcs8').subarray(-32)],
      [
        'seed base64',
        'ed25519',
        Buffer.from(der(ED25519.key, 'pkcs8').subarray(-32).toString('base64')),
      ],
    ];
    for (const [name, algo, octets] of forms) {
      const expected = algo === 'sha256' ? RSA.key : ED25519.key;
      assert.equal(publicOf(readPrivateKey(octets, algo)), publicOf(expected), name);
    }
  });

  it('is read with its public half beside it (PKCS#8 version 2, RFC 5958)', () => {
    const seed = der(ED25519.key, 'pkcs8').subarray(-32);
    const half = createPublicKey(ED25519.key).export({ format: 'der', type: 'spki' }).subarray(-32);
    const head = Buffer.from('3051020101300506032b657004220420', 'hex');
    const two = Buffer.concat([head, seed, Buffer.from('812100', 'hex'), half]);
    const pem = `-----BEGIN PRIVATE KEY-----\n${two.toString('base64')}\n-----END PRIVATE KEY-----`;
    for (const form of [two, Buffer.from(pem)]) {
      assert.equal(publicOf(readPrivateKey(form, 'ed25519')), publicOf(ED25519.key));
    }
  });

  it('is refused with what is wrong and what to do', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey;
    assert.equal(
      problemOf(der(short, 'pkcs8'), 'sha256'),
      'the RSA key has 512 bits, outside of 1024 to 8192; ' +
        'make one by openssl genrsa -out key.pem 2048',
    );
    assert.match(problemOf(RSA.pem, 'ed25519'), /^it is an RSA key, not Ed25519; .*algo 'sha256'$/);
    assert.match(problemOf(ED25519.pem, 'sha256'), /^it is an Ed25519 key, not RSA; .*'ed25519'$/);
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    assert.match(problemOf(der(curve, 'pkcs8'), 'sha256'), /^it is a key for ec, not RSA; make/);
    assert.match(problemOf(publicOf(RSA.key), 'sha256'), /^it holds the public key; give the priv/);
    const locked = RSA.key.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    });
    assert.match(problemOf(locked as string, 'sha256'), /encrypted with a passphrase; store it wi/);
    assert.match(problemOf('', 'sha256'), /^it is empty; make a key/);
    for (const junk of ['hello', 'v=DKIM1; p=abc', '0\x82', '-----BEGIN RSA PRIVATE KEY-----\nx']) {
      assert.match(problemOf(junk, 'sha256'), /^it holds no private key that can be read; give it/);
    }
  });
});

describe('keys that are kept', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-keys-'));
  const path = join(folder, 'key.pem');
  const byFile = signingBy(RSA, { key: path, ttl: '5m' });
  const said: string[] = [];
  let now = 0;
  const make = (keysMax?: number): SigningKeys => {
    said.length = 0;
    now = 1_000;
    const settings = { now: () => now, warn: (sentence: string) => said.push(sentence) };
    return new SigningKeys(keysMax === undefined ? settings : { ...settings, keysMax });
  };
  const faultOf = (keys: SigningKeys): string => {
    let found: unknown;
    try {
      found = keys.find(byFile);
    } catch (thrown) {
      assert.ok(isSigningFault(thrown) && thrown.code === 'key', String(thrown));
      return thrown.message;
    }
    return assert.fail(`it was found: ${String(found)}`);
  };
  afterEach(() => rmSync(path, { force: true }));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

  it('are the same for their time, then read again', () => {
    const keys = make();
    writeFileSync(path, RSA.pem);
    const first = keys.find(byFile);
    const other = makeKey('sha256');
    writeFileSync(path, other.pem);
    now += 299_999;
    assert.equal(keys.find(byFile), first);
    now += 1;
    assert.equal(publicOf(keys.find(byFile) as KeyObject), publicOf(other.key));
  });

  it('sign on when they cannot be read again, for an hour, and that is said', () => {
    const keys = make();
    writeFileSync(path, RSA.pem);
    const first = keys.find(byFile);
    rmSync(path);
    now += 300_000;
    assert.equal(keys.find(byFile), first);
    const name = 'the DKIM key of rsa._domainkey.example.com';
    assert.ok(said[0]?.startsWith(`${name} (the file ${path}): it cannot be read: ENOENT`));
    assert.match(said[0] ?? '', /; correct the path.*; the former key signs on$/);
    now += STALE_KEY_MS_MAX;
    assert.match(faultOf(keys), /ENOENT/);
  });

  it('that are missing are not asked for with every message', () => {
    const keys = make();
    assert.match(faultOf(keys), /it cannot be read: ENOENT/);
    writeFileSync(path, RSA.pem);
    now += KEY_RETRY_MS - 1;
    assert.match(faultOf(keys), /ENOENT/);
    now += 1;
    assert.ok(keys.find(byFile) instanceof KeyObject);
  });

  it('are bounded in number', () => {
    const keys = make(3);
    for (let at = 0; at < 10; at += 1) {
      process.env[`DKIM_KEY_${at}`] = ED25519.pem;
      assert.ok(
        keys.find(signingBy(ED25519, { key: { env: `DKIM_KEY_${at}` } })) instanceof KeyObject,
      );
      assert.ok(keys.size <= 3);
    }
    assert.throws(() => keys.find(signingBy(ED25519, { key: { env: 'DKIM_KEY_NONE' } })), {
      message: /the environment variable DKIM_KEY_NONE\): .*; set DKIM_KEY_NONE$/,
    });
  });

  it('of a Vault are asked for once, and fetched again beside the signing', async () => {
    const vault = await startVault();
    try {
      const name = { vault_mount: 'secret', vault_path: 'dkim/s', vault_address: vault.address };
      const signing = signingBy(ED25519, { key: { ...name, vault_token: TOKEN } });
      vault.secrets.set('secret dkim/s', { key: ED25519.pem });
      const keys = make();
      const found = await Promise.all([keys.find(signing), keys.find(signing), keys.find(signing)]);
      assert.equal(new Set(found).size, 1);
      assert.equal(vault.asked.length, 1);
      now += 300_000;
      vault.manner = (response) => response.writeHead(503).end();
      assert.equal(keys.find(signing), found[0], 'the former key signs while the new is fetched');
      while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.match(
        said[0] ?? '',
        /the secret secret\/dkim\/s of the Vault\): the Vault answered 503/,
      );
      assert.equal(keys.find(signing), found[0]);
      assert.equal(vault.asked.length, 2);
    } finally {
      await vault.close();
    }
  });
});
