/**
 * The URLs that records may be posted to. The idea: a URL is read once, by the one parser that the
 * client uses too, and whatever two readers could understand differently is refused; and there are
 * addresses that nobody means, where the keys of a whole machine are lent to whoever asks.
 * Deliberately unknown here: name look-up and sockets; who connects asks once more.
 */
import type { Cidr } from './cidr.ts';
import { contains, parseCidr } from './cidr.ts';
import type { Ip } from './ip.ts';
import { formatOctets, parseIp } from './ip.ts';
import { OptionValueError } from './option-error.ts';
import type { Kind } from './options.ts';

/** Link-local networks, the metadata services of clouds outside them, and no destination at all. */
const FORBIDDEN = [
  '169.254.0.0/16', // link-local, RFC 3927; most metadata services
  'fe80::/10', // link-local, RFC 4291 section 2.5.6
  'fd00:ec2::/32', // metadata of Amazon
  'fd20:ce::/32', // metadata of Google
  '100.100.100.200', // metadata of Alibaba
  '168.63.129.16', // Azure's wire server
  '192.0.0.192', // metadata of Oracle's older machines
  '0.0.0.0/8', // "this" network, RFC 1122 section 3.2.1.3: reaches the machine itself
  '::',
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  'ff00::/8',
].map(parseCidr);

const EMBEDDING = {
  nat64: parseCidr('64:ff9b::/96'),
  sixToFour: parseCidr('2002::/16'),
  compatible: parseCidr('::/96'),
};

/** The IPv4 address that an IPv6 address leads to through a translator, where it does. */
function embeddedV4({ family, words }: Ip): Ip | undefined {
  if (family === 4) return undefined;
  const ip = { family, words };
  const [first = 0, second = 0, , last = 0] = words;
  if (contains(EMBEDDING.nat64, ip)) return { family: 4, words: [last] };
  if (contains(EMBEDDING.sixToFour, ip)) {
    return { family: 4, words: [(((first & 0xffff) << 16) | (second >>> 16)) >>> 0] };
  }
  // `::1` is loopback, not an address in disguise (RFC 4291 section 2.5.5.1).
  return contains(EMBEDDING.compatible, ip) && last > 1 ? { family: 4, words: [last] } : undefined;
}

/** True for an address that records are never sent to, unless the operator lists it. */
export function isForbiddenAddress(address: string, allowed: readonly Cidr[]): boolean {
  // A zone (`fe80::1%eth0`) says on which link, not where to.
  const ip = parseIp(address.replace(/%.*$/s, ''));
  if (ip === undefined) return true;
  if (allowed.some((cidr) => contains(cidr, ip))) return false;
  const inner = embeddedV4(ip);
  if (FORBIDDEN.some((cidr) => contains(cidr, ip))) return true;
  if (inner === undefined) return false;
  if (allowed.some((cidr) => contains(cidr, inner))) return false;
  return FORBIDDEN.some((cidr) => contains(cidr, inner));
}

/** The host of a URL as an address, without brackets; undefined for a name. */
export function addressOfHost(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/s, '$1');
  const ip = parseIp(bare);
  if (ip === undefined) return undefined;
  return ip.family === 4 && ip.words[0] !== undefined ? dotted(ip.words[0]) : bare;
}

const dotted = (word: number): string =>
  formatOctets(Uint8Array.of(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255));

const URL_CHARS_MAX = 2_048;
const URL_FIX = "write it like 'https://example.com/log'";

/** What is shown of a URL: never a query, which may hold a token. */
export function placeOfUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function refuse(problem: string, fix = URL_FIX): never {
  // The value is never shown: a password may stand in it.
  throw new OptionValueError(problem, fix);
}

/** A URL of HTTP without a log-in, whose host is a name or an address in its one usual form. */
export const hookUrl: Kind<string> = {
  name: 'http or https URL',
  schema: { type: 'string', pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^@\\s]+$' },
  read(value) {
    if (typeof value !== 'string' || value === '') refuse('this is not a URL');
    if (value.length > URL_CHARS_MAX) refuse('the URL is too long', 'use at most 2048 characters');
    if (/[\s\p{Cc}\\]/u.test(value))
      refuse('the URL has blanks, control characters or backslashes');
    const match = /^https?:\/\/([^/?#]+)([^#]*)(#?)/i.exec(value);
    const [, authority = '', , hash = ''] = match ?? [];
    if (match === null) refuse('this is not a URL of HTTP or HTTPS');
    if (hash !== '') refuse('the URL has a fragment, which is never sent', 'remove # and the rest');
    if (authority.includes('@')) {
      refuse('the URL has a log-in', 'remove it and use the option auth');
    }
    return readParsed(value, authority);
  },
};

function readParsed(value: string, authority: string): string {
  if (!URL.canParse(value)) refuse('this is not a URL of HTTP or HTTPS');
  const url = new URL(value);
  const address = addressOfHost(url.hostname);
  const given = authority.replace(/:\d*$/, '').replace(/^\[(.*)\]$/s, '$1');
  // Octal, hexadecimal, short and percent-encoded forms: one text, several readings.
  if (address !== undefined && !given.includes(':') && given !== address) {
    refuse('the host is an address in an unusual form', `write ${address}`);
  }
  if (given.includes('%')) refuse('the host has percent signs', 'write the name as it is');
  if (url.port === '0') refuse('the port is 0', 'give the port of the server, or none');
  return url.href;
}
