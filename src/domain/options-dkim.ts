/**
 * The options of one DKIM signature (make_*signer of the reference) and what they are once read.
 * The idea: a signature is plain data that names its key by place, so that it can be checked where
 * a policy is judged and be carried to the thread that signs.
 * Deliberately unknown here: keys as octets, and messages.
 */
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { duration, flag, listOf, oneOf, text } from './option-kinds.ts';
import { isHostName } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { option, optional, readOptions, required } from './options.ts';
import { signingKeySource } from './signing-key-source.ts';

/** RFC 6376 section 5.4.1 names the fields worth signing; From must be among them. */
export const DKIM_HEADERS: readonly string[] = [
  'From',
  'Reply-To',
  'Subject',
  'Date',
  'To',
  'Cc',
  'Resent-Date',
  'Resent-From',
  'Resent-To',
  'Resent-Cc',
  'In-Reply-To',
  'References',
  'List-Id',
  'List-Help',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'List-Subscribe',
  'List-Post',
  'List-Owner',
  'List-Archive',
];

/** How a header or a body is made canonical (RFC 6376 section 3.4). */
export type Canonicalization = 'Relaxed' | 'Simple';

/** RSA (RFC 6376) or Ed25519 (RFC 8463), both over SHA-256; `sha256` is the reference's RSA. */
export type DkimAlgorithm = 'sha256' | 'ed25519';

const canonicalization = oneOf('Relaxed', 'Simple');

const dnsName = (what: string): Kind<string> => ({
  name: what,
  schema: { type: 'string', minLength: 1 },
  read(value) {
    const name = typeof value === 'string' ? value.replace(/\.$/, '') : '';
    if (isHostName(name)) return name.toLowerCase();
    const fix = `write it like '${what === 'selector' ? 's2026' : 'example.com'}'`;
    throw new OptionValueError(`${showValue(value)} is no ${what}`, fix);
  },
});

// RFC 5322 section 3.6.8, less what would end or part the list of the tag `h=`.
const FIELD_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,76}$/;

const fieldName: Kind<string> = {
  name: 'name of a header field',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    if (typeof value === 'string' && FIELD_NAME.test(value)) return value;
    const fix = "write it without a colon, like 'List-Unsubscribe'";
    throw new OptionValueError(`${showValue(value)} is not the name of a header field`, fix);
  },
};

const expiration: Kind<number> = {
  ...duration,
  read(value) {
    const ms = duration.read(value);
    if (ms >= 1_000) return ms;
    const fix = "give at least '1s'; leave it out for a signature that stays valid";
    throw new OptionValueError(`${showValue(value)} is shorter than a second`, fix);
  },
};

const noBodyLength: Kind<false> = {
  name: 'false',
  schema: { const: false },
  read(value) {
    if (value === false) return value;
    const problem = 'a signature over a part of the body (l=) lets anyone add to the message';
    throw new OptionValueError(problem, 'remove it: the whole body is signed');
  },
};

/** Options of one signature. */
export const DKIM_SIGNER_OPTIONS = {
  domain: required(dnsName('domain'), 'the domain that signs (d=)'),
  selector: required(dnsName('selector'), 'the selector of its public key in DNS (s=)'),
  key: required(signingKeySource, 'where its private key is'),
  headers: option(listOf(fieldName), DKIM_HEADERS, 'header fields that are signed'),
  over_sign: option(flag, false, 'sign each field once more than it occurs, so none can be added'),
  header_canonicalization: option(canonicalization, 'Relaxed', 'how fields are made canonical'),
  body_canonicalization: option(canonicalization, 'Relaxed', 'how the body is made canonical'),
  expiration: optional(expiration, 'how long the signature is valid (x=)'),
  agent_user_identifier: optional(text, 'on whose behalf it signs (i=): [user]@domain'),
  atps: optional(dnsName('domain'), 'the domain for which it signs as a third party (RFC 6541)'),
  atpsh: optional(oneOf('sha1', 'sha256', 'none'), 'how that domain names it; needed with atps'),
  reporting: option(flag, false, 'ask receivers for reports of failures (r=y, RFC 6651)'),
  body_length: option(noBodyLength, false, 'known to the reference; only false is taken'),
  ttl: option(duration, '5m', 'how long the key is used before it is read again'),
} satisfies OptionTable;

/** One signature, ready to be made. */
export type DkimSigning = Parsed<typeof DKIM_SIGNER_OPTIONS> & { readonly algo: DkimAlgorithm };

const checkAgent = (agent: string, domain: string, where: string): void => {
  const at = agent.lastIndexOf('@');
  const own = agent.slice(at + 1).toLowerCase();
  // RFC 6376 section 3.5: the domain of i= is that of d= or below it.
  if (at >= 0 && (own === domain || own.endsWith(`.${domain}`)) && isHostName(own)) return;
  const problem = `${showValue(agent)} is not in ${domain}`;
  throw new OptionError(where, 'agent_user_identifier', problem, `write it like '@${domain}'`);
};

/** Reads the options of a signature; throws OptionError. */
export function readDkimSigning(algo: DkimAlgorithm, raw: unknown, where: string): DkimSigning {
  const read = readOptions(DKIM_SIGNER_OPTIONS, raw, where);
  // RFC 6376 section 5.4: the From field must be signed.
  if (!read.headers.some((name) => name.toLowerCase() === 'from')) {
    const problem = 'its headers lack From';
    throw new OptionError(where, 'headers', problem, 'add it: no signature is valid without');
  }
  if (read.agent_user_identifier !== undefined) {
    checkAgent(read.agent_user_identifier, read.domain, where);
  }
  if ((read.atps === undefined) !== (read.atpsh === undefined)) {
    const missing = read.atps === undefined ? 'atps' : 'atpsh';
    throw new OptionError(where, missing, 'is missing', 'give atps and atpsh, or neither');
  }
  return Object.freeze({ ...read, algo });
}
