/**
 * IP addresses as numbers. The idea: an address is one or four 32-bit words, and an IPv4 address
 * that came mapped into IPv6 (RFC 4291 section 2.5.5.2) is the IPv4 address it stands for, so no
 * list can be evaded by writing an address the other way.
 * Deliberately unknown here: networks, names, ports.
 */

/** An address: family 4 has one word, family 6 has four, each unsigned 32 bits. */
export interface Ip {
  readonly family: 4 | 6;
  readonly words: readonly number[];
}

const ZERO = 48;
const NINE = 57;
const DOT = 46;
const V6_CHARS_MAX = 45;

/** Reads an IPv4 or IPv6 address without brackets, zone or port; undefined when it is neither. */
export function parseIp(text: string): Ip | undefined {
  if (text.includes(':')) return parseV6(text);
  const word = v4Word(text);
  return word === undefined ? undefined : { family: 4, words: [word] };
}

function v4Word(text: string): number | undefined {
  let word = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOT && octet >= 0) {
      word = word * 256 + octet;
      octet = -1;
      dots += 1;
    } else if (code < ZERO || code > NINE || octet === 0) return undefined;
    // No leading zeros: some readers take them for octal, and two readings of one text is a hole.
    else octet = octet < 0 ? code - ZERO : octet * 10 + code - ZERO;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet >= 0 ? word * 256 + octet : undefined;
}

function parseV6(text: string): Ip | undefined {
  if (text.length > V6_CHARS_MAX) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 1 ? [] : groups(halves[1] ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group (RFC 5952 section 4.2.2 asks for two; readers take one).
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words = [0, 2, 4, 6].map((at) => (all[at] ?? 0) * 65_536 + (all[at + 1] ?? 0));
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return isMapped ? { family: 4, words: words.slice(3) } : { family: 6, words };
}

/** The 16-bit groups of one half; only the last half may end in a dotted IPv4 address. */
function groups(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const values: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      values.push(Number.parseInt(part, 16));
      continue;
    }
    const word = mayEndInV4 && index === parts.length - 1 ? v4Word(part) : undefined;
    if (word === undefined) return undefined;
    values.push(Math.floor(word / 65_536), word % 65_536);
  }
  return values;
}

/** The octets of an address in network order: four or sixteen. */
export function octetsOf({ words }: Ip): number[] {
  return words.flatMap((word) => [
    word >>> 24,
    (word >>> 16) & 255,
    (word >>> 8) & 255,
    word & 255,
  ]);
}

/** The address that stands for any address of its family: 0.0.0.0 or ::. */
export function isUnspecified({ words }: Ip): boolean {
  return words.every((word) => word === 0);
}

/** Writes four or sixteen octets as an address: dotted, or as RFC 5952 section 4 has it. */
export function formatOctets(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((octets[2 * at] ?? 0) << 8) | (octets[2 * at + 1] ?? 0)).toString(16),
  );
  // The first of the longest runs of two or more zero groups is left out.
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = Math.max(0, ...runs.map(([run]) => run.length));
  const run = runs.find(([each]) => each.length === longest);
  if (run === undefined) return text;
  const head = text.slice(0, run.index).replace(/:$/, '');
  return `${head}::${text.slice(run.index + longest).replace(/^:/, '')}`;
}

/** An address and a port as one text: an IPv6 address stands in brackets. */
export const formatPlace = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** An IPv4 address that came mapped into IPv6 (RFC 4291 section 2.5.5.2) as it is written. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/, '');
