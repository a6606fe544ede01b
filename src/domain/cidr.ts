/**
 * Lists of networks: `10.0.0.0/8`, `::1`. The idea: an entry is strict (no bits beyond the prefix),
 * because `10.1.2.3/8` is nearly always a typing error that would open more than was meant.
 * Deliberately unknown here: what is allowed or refused by a match.
 */

import type { Ip } from './ip.ts';
import { parseIp } from './ip.ts';
import { OptionValueError, showValue } from './option-error.ts';

/** One network; `text` is as the operator wrote it. */
export interface Cidr extends Ip {
  readonly text: string;
  readonly prefix: number;
}

const FIX = "write an address or a network like '192.0.2.7', '192.0.2.0/24', '2001:db8::/32'";

/** Reads an address (a network of one) or a network with a strict prefix. */
export function parseCidr(value: unknown): Cidr {
  if (typeof value !== 'string') {
    throw new OptionValueError(`${showValue(value)} is not a network`, FIX);
  }
  const slash = value.indexOf('/');
  const ip = parseIp(slash < 0 ? value : value.slice(0, slash));
  if (ip === undefined) throw new OptionValueError(`'${value}' is not a network`, FIX);
  const bits = ip.words.length * 32;
  const prefix = slash < 0 ? bits : prefixOf(value, slash, bits);
  const strays = ip.words.some((word, at) => keepBits(word, prefix - at * 32) !== word);
  if (strays) {
    throw new OptionValueError(`'${value}' has bits set beyond its prefix`, 'zero the host bits');
  }
  return { text: value, family: ip.family, words: ip.words, prefix };
}

function prefixOf(value: string, slash: number, bits: number): number {
  const text = value.slice(slash + 1);
  // A mapped network (`::ffff:10.0.0.0/104`) became IPv4, so its prefix loses the 96 fixed bits.
  const isMapped = bits === 32 && value.slice(0, slash).includes(':');
  const prefix = /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) - (isMapped ? 96 : 0) : -1;
  if (prefix < 0 || prefix > bits) {
    throw new OptionValueError(`'${value}' has a wrong prefix length`, FIX);
  }
  return prefix;
}

/** True when the address lies in one of the networks; a text that is no address never matches. */
export function matches(list: readonly Cidr[], address: string): boolean {
  if (list.length === 0) return false;
  const ip = parseIp(address);
  return ip !== undefined && list.some((cidr) => contains(cidr, ip));
}

/** True when the network contains the address. */
export function contains(cidr: Cidr, ip: Ip): boolean {
  if (cidr.family !== ip.family) return false;
  return cidr.words.every(
    (word, at) => keepBits(ip.words[at] ?? 0, cidr.prefix - at * 32) === word,
  );
}

/** The word with all but its first `bits` bits zeroed. */
function keepBits(word: number, bits: number): number {
  if (bits >= 32) return word;
  // A shift by 32 is a shift by nothing in JavaScript, so an empty prefix has its own answer.
  return bits <= 0 ? 0 : (word & (0xffffffff << (32 - bits))) >>> 0;
}
