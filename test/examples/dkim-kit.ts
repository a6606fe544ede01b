/**
 * What tests of DKIM share: keys, a message, options, and two judges that others wrote: mailauth,
 * which looks keys up in a table, and OpenDKIM, which reads them from a file.
 * Deliberately unknown here: our signer.
 */
import { spawnSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import type { DkimAlgorithm, DkimSigning } from '../../src/domain/options-dkim.ts';
import { readDkimSigning } from '../../src/domain/options-dkim.ts';

/** A key with its texts: PKCS#8 in PEM, and the record of its public half in DNS. */
export interface TestKey {
  readonly algo: DkimAlgorithm;
  readonly key: KeyObject;
  readonly pem: string;
  readonly record: string;
}

const recordOf = (algo: DkimAlgorithm, key: KeyObject): string => {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  // RFC 8463 section 4: the 32 octets of an Ed25519 key stand alone.
  const octets = algo === 'sha256' ? der : der.subarray(-32);
  return `v=DKIM1; k=${algo === 'sha256' ? 'rsa' : 'ed25519'}; p=${octets.toString('base64')}`;
};

/** A new key. */
export const makeKey = (algo: DkimAlgorithm, bits = 1_024): TestKey => {
  const { privateKey: key } =
    algo === 'sha256'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : generateKeyPairSync('ed25519');
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { algo, key, pem, record: recordOf(algo, key) };
};

/** One key of each kind. */
export const RSA = makeKey('sha256');
export const ED25519 = makeKey('ed25519');

/** Selectors, and what DNS says under them. */
export const RECORDS: Readonly<Record<string, string>> = {
  'rsa._domainkey.example.com': RSA.record,
  'ed._domainkey.example.com': ED25519.record,
};

/** A signature by one of the keys, with options over the usual ones. */
export const signingBy = (
  { algo, pem }: TestKey,
  options: Readonly<Record<string, unknown>> = {},
): DkimSigning => {
  const selector = algo === 'sha256' ? 'rsa' : 'ed';
  const usual = { domain: 'example.com', selector, key: { key_data: pem } };
  return readDkimSigning(algo, { ...usual, ...options }, 'test');
};

/** Octets of a text of which each character is one. */
export const octets = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A plain message. */
export const MESSAGE = octets(
  [
    'From: Ada <ada@example.com>',
    'To: Bob <bob@example.net>',
    'Subject: a subject that is  folded',
    '\tover two lines ',
    'Date: Sun, 22 Nov 2026 12:00:00 +0000',
    'Message-ID: <1@example.com>',
    'List-Unsubscribe: <https://example.com/u>',
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    '',
    'Hello  Bob, ',
    '',
    'good-bye.',
    '',
    '',
    '',
  ].join('\r\n'),
);

/** What mailauth thinks of each signature, from the top: 'pass', or its status with the reason. */
export const judgeByMailauth = async (
  message: Uint8Array,
  records: Readonly<Record<string, string>> = RECORDS,
): Promise<string[]> => {
  const resolver = async (name: string): Promise<string[][]> => {
    const record = records[name];
    if (record !== undefined) return [[record]];
    throw Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' });
  };
  const { results } = await dkimVerify(Buffer.from(message), { resolver, minBitLength: 1_024 });
  return results.map(({ status }) =>
    status.result === 'pass' ? 'pass' : `${status.result} ${status.comment ?? ''}`.trim(),
  );
};

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Why OpenDKIM cannot judge here; undefined when it can. */
export const whyNoOpenDkim = (): string | undefined => {
  const { error } = spawnSync('opendkim', ['-V'], { env: { ...process.env, PATH } });
  return error === undefined ? undefined : 'opendkim is not installed';
};

/** What OpenDKIM prints of a message. */
export const judgeByOpenDkim = (
  message: Uint8Array,
  records: Readonly<Record<string, string>> = RECORDS,
): string => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-opendkim-'));
  try {
    const at = (name: string): string => join(folder, name);
    const keys = Object.entries(records).map(([name, record]) => `${name} ${record}\n`);
    writeFileSync(at('keys'), keys.join(''));
    writeFileSync(at('conf'), `Mode v\nTestPublicKeys ${at('keys')}\n`);
    writeFileSync(at('message'), message);
    const args = ['-x', at('conf'), '-vvv', '-t', at('message')];
    const ran = spawnSync('opendkim', args, { encoding: 'utf8', env: { ...process.env, PATH } });
    return `${ran.stdout}${ran.stderr}`.replaceAll(folder, '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
