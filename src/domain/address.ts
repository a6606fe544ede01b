/**
 * Mail addresses as SMTP carries them (RFC 5321 section 4.1.2, RFC 6531 section 3.3). The idea: one
 * strict reading; what does not fit the grammar is no address, and what fits is kept as written,
 * because only the receiving host may interpret a local part.
 * Deliberately unknown here: header addresses, DNS, who may relay.
 */

import { parseIp } from './ip.ts';

/** An address in its two parts, as written; a quoted local part keeps its quotes. */
export interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

/** The null reverse-path of RFC 5321 section 4.5.5. */
export const NULL_SENDER: Mailbox = { local: '', domain: '' };

// RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.2, in octets of UTF-8.
const LOCAL_BYTES_MAX = 64;
const DOMAIN_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
const ADDRESS_CHARS_MAX = 1_024;

// RFC 5322 section 3.2.3 widened by RFC 6531 section 3.3. Left out of "non-ASCII": C1 controls,
// line separators and lone surrogates, which no mailbox uses and every log would suffer from.
const WIDE = '[^\\x00-\\x9f\\u2028\\u2029\\p{Cs}]';
const ATOM = `(?:[A-Za-z0-9!#$%&'*+/=?^_\`{|}~-]|${WIDE})+`;
const DOT_STRING = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, 'u');
const QUOTED = new RegExp(
  `^"(?:[\\x20-\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\x20-\\x7e]|${WIDE})*"$`,
  'u',
);
const SUB_DOMAIN =
  /^[A-Za-z0-9\p{L}\p{N}\p{M}](?:[A-Za-z0-9\p{L}\p{N}\p{M}-]*[A-Za-z0-9\p{L}\p{N}\p{M}])?$/u;

/** Reads `local@domain`, without angle brackets; undefined when it is not an address. */
export function parseMailbox(text: string): Mailbox | undefined {
  if (text.length > ADDRESS_CHARS_MAX) return undefined;
  // A quoted local part may contain `@`; a domain never does, so the last one divides.
  const at = text.lastIndexOf('@');
  if (at <= 0) return undefined;
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (utf8Bytes(local) > LOCAL_BYTES_MAX || utf8Bytes(domain) > DOMAIN_BYTES_MAX) return undefined;
  if (!DOT_STRING.test(local) && !QUOTED.test(local)) return undefined;
  return isDomain(domain) ? { local, domain } : undefined;
}

/** Reads a path with or without `<>`; `<>` and '' are the null sender. */
export function parsePath(text: string): Mailbox | undefined {
  const hasBrackets = text.startsWith('<') && text.endsWith('>') && text.length >= 2;
  const inner = hasBrackets ? text.slice(1, -1) : text;
  if (inner === '') return NULL_SENDER;
  if (!inner.startsWith('@')) return parseMailbox(inner);
  // RFC 5321 section 4.1.1.3 and appendix C: a source route is accepted, and then ignored.
  const colon = inner.indexOf(':');
  if (colon < 0) return undefined;
  const hops = inner.slice(0, colon).split(',');
  const isRoute = hops.every((hop) => hop.startsWith('@') && isDomain(hop.slice(1)));
  return isRoute ? parseMailbox(inner.slice(colon + 1)) : undefined;
}

function isDomain(domain: string): boolean {
  if (domain.startsWith('[')) return isLiteral(domain);
  return domain
    .split('.')
    .every((label) => utf8Bytes(label) <= LABEL_BYTES_MAX && SUB_DOMAIN.test(label));
}

/** RFC 5321 section 4.1.3; only the two registered kinds, since no other can be delivered to. */
function isLiteral(domain: string): boolean {
  if (!domain.endsWith(']')) return false;
  const inner = domain.slice(1, -1);
  const isV6 = /^IPv6:/i.test(inner);
  const ip = isV6 ? inner.slice('IPv6:'.length) : inner;
  return parseIp(ip) !== undefined && ip.includes(':') === isV6;
}

/** True for the null sender, to which no report may be sent. */
export function isNullSender(mailbox: Mailbox): boolean {
  return mailbox.local === '' && mailbox.domain === '';
}

/** Writes an address; the null sender is ''. */
export function formatMailbox(mailbox: Mailbox): string {
  return isNullSender(mailbox) ? '' : `${mailbox.local}@${mailbox.domain}`;
}

/** The domain of an address in lower case, the part that routing uses; '' when there is none. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1 || address.length).toLowerCase();
}

/** True when the address can only go to a peer that offers SMTPUTF8 (RFC 6531 section 3.2). */
export function needsUtf8(address: string): boolean {
  return /[^\x00-\x7f]/.test(address);
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
