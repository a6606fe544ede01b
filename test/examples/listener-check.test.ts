/**
 * Given listeners with keys and certificates, when a policy is looked at before it is used, then
 * those that could not serve a handshake are refused. Deliberately unknown here: handshakes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseListenerConfig } from '../../src/domain/options-listener.ts';
import { checkListeners } from '../../src/manager/listener-check.ts';
import type { PolicySetup } from '../../src/policy/setup.ts';
import { Gatherer } from '../../src/policy/validate.ts';

const dir = mkdtempSync(join(tmpdir(), 'waybill-listener-check-'));
after(() => rmSync(dir, { recursive: true }));
const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=mx.test'];
execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
const certificate = readFileSync(certFile, 'utf8');

function check(key: string): readonly string[] {
  const identity = {
    tls_certificate: { key_data: certificate },
    tls_private_key: { key_data: key },
  };
  const listener = parseListenerConfig({ listen: '127.0.0.1:0', ...identity }, 'test');
  const found = new Gatherer();
  checkListeners({ smtpListeners: [listener], httpListeners: [] } as unknown as PolicySetup, found);
  return found.refusals;
}

const pemOf = (type: 'rsa' | 'ed25519'): string => {
  const options = type === 'rsa' ? { modulusLength: 2_048 } : {};
  const { privateKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};

test('a key that belongs to its certificate is fine', () => {
  assert.deepEqual(check(readFileSync(keyFile, 'utf8')), []);
});

test('a key of another certificate is refused, of the same kind or not', () => {
  for (const kind of ['rsa', 'ed25519'] as const) {
    const [refusal = '', ...more] = check(pemOf(kind));
    assert.match(
      refusal,
      /^setup\.smtpListener 127\.0\.0\.1:0: tls_certificate and tls_priv/,
      kind,
    );
    assert.match(refusal, /give a certificate in PEM form and the key that belongs to it/);
    assert.equal(more.length, 0);
  }
});
