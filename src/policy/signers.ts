/**
 * DKIM signers as a policy makes and uses them: options are read when a signer is made, and a
 * message is signed by whoever lent that to the policy. The idea: a signer is a text that says what
 * to sign with which key; making one reads no key and starts nothing.
 * It does not know messages, keys, or threads.
 */
import { OptionError } from '../domain/option-error.ts';
import type { DKIM_SIGNER_OPTIONS, DkimAlgorithm, DkimSigning } from '../domain/options-dkim.ts';
import { readDkimSigning } from '../domain/options-dkim.ts';
import type { OptionsOf } from './hooks.ts';
import { PolicyError } from './policy-error.ts';
import { borrowSigning } from './world.ts';

/** What makes the DKIM-Signature fields of a message. */
export interface DkimSigner {
  /** Signs octets of a message; gives complete header lines, each with its CRLF. */
  sign(chunks: readonly Uint8Array[]): Promise<string>;
}

/** Options of one signature (make_*signer). */
export type DkimSignerOptions = OptionsOf<typeof DKIM_SIGNER_OPTIONS>;

// Under this mark a signer carries its signatures as texts; shared by name, as a policy has its own
// copy of this file.
const TEXTS = Symbol.for('waybill.dkim-signer.1');
type Marked = { readonly [TEXTS]?: readonly string[] };

const signerOf = (texts: readonly string[]): DkimSigner => {
  const signer = {
    sign: (chunks: readonly Uint8Array[]) => borrowSigning()(chunks, texts),
    [TEXTS]: Object.freeze(texts),
  };
  return Object.freeze(signer);
};

/** A signer that makes these signatures, in their order. */
export const signerFor = (signings: readonly DkimSigning[]): DkimSigner =>
  signerOf(signings.map((signing) => JSON.stringify(signing)));

/** Reads options and makes a signer; `name` is the constructor in refusals. */
export const makeSigner = (
  name: string,
  algo: DkimAlgorithm,
  options: DkimSignerOptions,
): DkimSigner => {
  try {
    return signerFor([readDkimSigning(algo, options, name)]);
  } catch (thrown) {
    if (!(thrown instanceof OptionError)) throw thrown;
    const key = thrown.key === '' ? '' : `${thrown.key}: `;
    throw new PolicyError('', `${name}: ${key}${thrown.problem}`, thrown.fix);
  }
};

/** One signer that makes the signatures of all of them, in their order. */
export const joinSigners = (signers: readonly DkimSigner[]): DkimSigner => {
  const texts = signers.flatMap((signer) => {
    const own = (signer as Marked | undefined)?.[TEXTS];
    if (own !== undefined) return own;
    const problem = 'dkim_signers was given something that is no signer';
    throw new PolicyError('', problem, 'give it what dkim_rsa_sha256_signer({ ... }) makes');
  });
  return signerOf(texts);
};
