/**
 * What a routing domain says: an address literal, or a DNS name, either with a port. The one idea:
 * the text is taken apart once, here, so that nobody downstream guesses at brackets and colons.
 * It knows no DNS and no routes; whether the name exists is not asked.
 */
import { parseIp } from './ip.ts';

/** A routing domain in parts; names are lower-case A-labels without a trailing dot. */
export type RoutingDomain =
  | { readonly kind: 'literal'; readonly address: string; readonly port?: number }
  | { readonly kind: 'name'; readonly name: string; readonly port?: number }
  | { readonly kind: 'invalid'; readonly why: string };

const NAME_CHARS_MAX = 253;
const LABEL_CHARS_MAX = 63;
const PORT_MAX = 65_535;

const invalid = (text: string, why: string): RoutingDomain => ({
  kind: 'invalid',
  why: `'${text.slice(0, NAME_CHARS_MAX)}' ${why}`,
});

const parsePort = (digits: string | undefined): number | undefined => {
  const port = /^\d{1,5}$/.test(digits ?? '') ? Number(digits) : 0;
  return port > 0 && port <= PORT_MAX ? port : undefined;
};

// The port may stand inside the brackets (`[192.0.2.1:25]`, `[[::1]:25]`) or behind them.
const classifyLiteral = (text: string): RoutingDomain => {
  const outer = /^\[(.*)\](?::([^\]]*))?$/s.exec(text);
  if (outer === null) return invalid(text, 'has an unfinished address literal');
  const [, inside = '', outerPort] = outer;
  // RFC 5321 section 4.1.3 wants the tag; operators write [::1] as well.
  const bare = inside.replace(/^ipv6:/i, '');
  const inner = /^\[([^[\]]*)\]:(.*)$/.exec(bare) ?? /^(\d+\.[\d.]*):(.*)$/.exec(bare);
  const address = inner?.[1] ?? bare;
  const innerPort = inner?.[2];
  const ip = parseIp(address);
  const isTagWrong = bare !== inside && !address.includes(':');
  if (ip === undefined || isTagWrong) return invalid(text, 'is no address literal');
  if (innerPort !== undefined && outerPort !== undefined) return invalid(text, 'has two ports');
  const digits = innerPort ?? outerPort;
  if (digits === undefined) return { kind: 'literal', address: address.toLowerCase() };
  const port = parsePort(digits);
  if (port === undefined) return invalid(text, 'has a port that is none');
  return { kind: 'literal', address: address.toLowerCase(), port };
};

/** The A-label form of a name, lower case; undefined when it cannot be a name in DNS. */
export const asciiName = (name: string): string | undefined => {
  const bare = name.replace(/[.\u3002\uff0e\uff61]$/u, '');
  const ascii = /^[\x21-\x7e]*$/.test(bare) ? bare.toLowerCase() : toALabels(bare);
  if (ascii === undefined || ascii.length > NAME_CHARS_MAX) return undefined;
  const isName = ascii
    .split('.')
    .every((label) => /^[a-z0-9_-]+$/.test(label) && label.length <= LABEL_CHARS_MAX);
  return isName ? ascii : undefined;
};

// The platform's URL parser knows UTS 46. A last label of our own keeps it from taking digits for
// an IPv4 address, which would let a name in wide digits become one.
const toALabels = (name: string): string | undefined => {
  if (/[\x00-\x20\x7f/:?#@\\%[\]<>^|]/.test(name)) return undefined;
  try {
    const { hostname } = new URL(`http://${name}.x/`);
    return hostname.endsWith('.x') ? hostname.slice(0, -2) : undefined;
  } catch {
    return undefined;
  }
};

/** Takes a routing domain, or a recipient's domain, apart. */
export const classifyRoutingDomain = (text: string): RoutingDomain => {
  if (text.startsWith('[')) return classifyLiteral(text);
  const colon = text.indexOf(':');
  const name = asciiName(colon < 0 ? text : text.slice(0, colon));
  if (name === undefined) return invalid(text, 'is no domain name');
  if (colon < 0) return { kind: 'name', name };
  const port = parsePort(text.slice(colon + 1));
  return port === undefined
    ? invalid(text, 'has a port that is none')
    : { kind: 'name', name, port };
};
