/**
 * Signs a message: RSA-SHA256 (RFC 6376) and Ed25519-SHA256 (RFC 8463), as many signatures as asked
 * for in one go. The idea: header and body are taken apart once, and each canonical form of the
 * body is hashed once, however many signatures rest on it.
 * Deliberately unknown here: where keys come from, and the clock.
 */
import type { KeyObject } from 'node:crypto';
import { createHash, sign } from 'node:crypto';
import { domainToASCII } from 'node:url';
import type { Canonicalization, DkimSigning } from '../domain/options-dkim.ts';
import { canonicalField, feedBody } from './canonical.ts';
import type { HeaderField } from './message-parts.ts';
import { splitFields, splitMessage } from './message-parts.ts';
import type { FieldsByName } from './signature-field.ts';
import { completeField, indexFields, selectFields, writeUnsigned } from './signature-field.ts';

/** A signature to make, and its key. */
export interface KeyedSigning {
  readonly signing: DkimSigning;
  readonly key: KeyObject;
}

/** The hash of a body (bh=), base64. */
export function hashBody(body: readonly Uint8Array[], kind: Canonicalization): string {
  const hash = createHash('sha256');
  feedBody(body, kind, (octets) => hash.update(octets));
  return hash.digest('base64');
}

/**
 * The signature over fields and over the DKIM-Signature field itself without its value of `b=`
 * (RFC 6376 section 3.7), base64.
 */
export function signFields(
  fields: readonly HeaderField[],
  unsigned: string,
  kind: Canonicalization,
  { signing, key }: KeyedSigning,
): string {
  let text = '';
  for (const { raw } of fields) text += `${canonicalField(raw, kind)}\r\n`;
  const data = Buffer.from(text + canonicalField(unsigned, kind), 'latin1');
  if (signing.algo === 'sha256') return sign('sha256', data, key).toString('base64');
  // RFC 8463 section 3: PureEdDSA signs the hash, not the data.
  const digest = createHash('sha256').update(data).digest();
  return sign(null, digest, key).toString('base64');
}

// Names are looked up in DNS by their A-labels (RFC 6376 section 3.5).
const asAscii = (name: string): string => domainToASCII(name) || name;

const agentOf = ({ agent_user_identifier: agent }: DkimSigning): string | undefined => {
  const at = agent?.lastIndexOf('@') ?? 0;
  return agent === undefined ? undefined : agent.slice(0, at + 1) + asAscii(agent.slice(at + 1));
};

/** One message, taken apart, on which signatures are made. */
class Signable {
  readonly #body: readonly Uint8Array[];
  readonly #byName: FieldsByName;
  readonly #bodyHashes = new Map<Canonicalization, string>();

  constructor(chunks: readonly Uint8Array[]) {
    const { header, body } = splitMessage(chunks);
    this.#body = body;
    this.#byName = indexFields(splitFields(header));
  }

  sign(keyed: KeyedSigning, signedAt: number): string {
    const { signing } = keyed;
    const { names, fields } = selectFields(this.#byName, signing);
    const unsigned = writeUnsigned(signing, {
      domain: asAscii(signing.domain),
      selector: asAscii(signing.selector),
      agent: agentOf(signing),
      names,
      bodyHash: this.#bodyHash(signing.body_canonicalization),
      signedAt,
    });
    const signature = signFields(fields, unsigned, signing.header_canonicalization, keyed);
    return completeField(unsigned, signature);
  }

  #bodyHash(kind: Canonicalization): string {
    const known = this.#bodyHashes.get(kind) ?? hashBody(this.#body, kind);
    this.#bodyHashes.set(kind, known);
    return known;
  }
}

/**
 * The DKIM-Signature fields of a message, each with its CRLF, in the order asked for; `signedAt` in
 * seconds since 1970. Throws SigningFault where the message cannot be signed.
 */
export function signMessage(
  chunks: readonly Uint8Array[],
  signings: readonly KeyedSigning[],
  signedAt: number,
): string {
  const message = new Signable(chunks);
  return signings.map((keyed) => message.sign(keyed, signedAt)).join('');
}
