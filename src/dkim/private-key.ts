/**
 * From what a key file holds to a key that signs: PEM or DER, bare or in base64; PKCS#1 and PKCS#8;
 * for Ed25519 also the 32 octets alone. The idea: a key that could not sign, or that nobody would
 * believe, is refused with what is wrong and what to do.
 * Deliberately unknown here: where the octets came from.
 */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import type { DkimAlgorithm } from '../domain/options-dkim.ts';

/** RFC 8301 section 3.2: shorter keys are not believed. */
const RSA_BITS_MIN = 1_024;
/** A longer key takes a signer's time and fits into no DNS answer. */
const RSA_BITS_MAX = 8_192;
const SEED_OCTETS = 32;
/** RFC 8410 section 7: what stands before the 32 octets of an Ed25519 key in PKCS#8. */
const ED25519_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const ED25519_MARK = ED25519_HEAD.subarray(5);
const DER_SEQUENCE = 0x30;

const MAKE: Readonly<Record<DkimAlgorithm, string>> = {
  sha256: 'openssl genrsa -out key.pem 2048',
  ed25519: 'openssl genpkey -algorithm ed25519 -out key.pem',
};

/** What is wrong with a key, and what to do. */
export class KeyProblem extends Error {
  readonly problem: string;
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(`${problem}; ${fix}`);
    this.name = 'KeyProblem';
    this.problem = problem;
    this.fix = fix;
  }
}

const tryKey = (make: () => KeyObject): KeyObject | undefined => {
  try {
    return make();
  } catch {
    return undefined;
  }
};

const fromSeed = (seed: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([ED25519_HEAD, seed]), format: 'der', type: 'pkcs8' });

const fromDer = (der: Buffer): KeyObject | undefined => {
  // PKCS#8 of version 2 carries the public key along (RFC 5958), which OpenSSL may not read.
  const mark = der.indexOf(ED25519_MARK);
  const seed = mark < 0 ? der : der.subarray(mark + ED25519_MARK.length).subarray(0, SEED_OCTETS);
  if ((mark >= 0 || der[0] !== DER_SEQUENCE) && seed.length === SEED_OCTETS) return fromSeed(seed);
  return (
    tryKey(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })) ??
    tryKey(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs1' }))
  );
};

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/;

const fromPem = (text: string, algo: DkimAlgorithm): KeyObject | undefined => {
  const [, label = '', inside = ''] = PEM.exec(text) ?? [];
  if (label.includes('ENCRYPTED') || inside.includes('ENCRYPTED')) {
    const fix = 'store it without a passphrase and let only the user of waybilld read it';
    throw new KeyProblem('the key is encrypted with a passphrase', fix);
  }
  if (label === 'PUBLIC KEY' || label === 'RSA PUBLIC KEY' || label === 'CERTIFICATE') {
    const what = label === 'CERTIFICATE' ? 'a certificate' : 'the public key';
    throw new KeyProblem(`it holds ${what}`, `give the private key, made by ${MAKE[algo]}`);
  }
  return (
    tryKey(() => createPrivateKey({ key: text, format: 'pem' })) ??
    fromDer(Buffer.from(inside, 'base64'))
  );
};

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

const parse = (octets: Buffer, algo: DkimAlgorithm): KeyObject | undefined => {
  const text = octets.toString('latin1').trim();
  if (text === '') throw new KeyProblem('it is empty', `make a key by ${MAKE[algo]}`);
  if (text.includes('-----BEGIN')) return fromPem(text, algo);
  if (BASE64.test(text)) return fromDer(Buffer.from(text, 'base64'));
  return fromDer(octets);
};

const KINDS: Readonly<Record<string, string>> = { rsa: 'an RSA key', ed25519: 'an Ed25519 key' };
const ALGOS: Readonly<Record<string, string>> = { rsa: 'sha256', ed25519: 'ed25519' };

const checkKind = (key: KeyObject, algo: DkimAlgorithm): void => {
  const kind = key.asymmetricKeyType ?? 'unknown';
  if (kind !== (algo === 'sha256' ? 'rsa' : 'ed25519')) {
    const needed = algo === 'sha256' ? 'RSA' : 'Ed25519';
    const other = ALGOS[kind];
    const fix = other === undefined ? `make one by ${MAKE[algo]}` : `sign with algo '${other}'`;
    throw new KeyProblem(`it is ${KINDS[kind] ?? `a key for ${kind}`}, not ${needed}`, fix);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)) {
    const problem = `the RSA key has ${bits} bits, outside of ${RSA_BITS_MIN} to ${RSA_BITS_MAX}`;
    throw new KeyProblem(problem, `make one by ${MAKE.sha256}`);
  }
};

/** Reads a private key; throws KeyProblem. */
export function readPrivateKey(octets: Buffer, algo: DkimAlgorithm): KeyObject {
  const key = tryKeyOrProblem(octets, algo);
  if (key === undefined) {
    const fix = `give it as PEM or DER, PKCS#1 or PKCS#8, as made by ${MAKE[algo]}`;
    throw new KeyProblem('it holds no private key that can be read', fix);
  }
  checkKind(key, algo);
  return key;
}

function tryKeyOrProblem(octets: Buffer, algo: DkimAlgorithm): KeyObject | undefined {
  try {
    return parse(octets, algo);
  } catch (error) {
    if (error instanceof KeyProblem) throw error;
    return undefined;
  }
}
