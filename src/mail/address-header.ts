/**
 * Addresses in header fields (RFC 5322 section 3.4): names, comments, groups, quoted parts. The
 * idea: one pass that splits at commas outside of quotes and brackets; what is no address makes the
 * field unreadable, which is said as undefined. It does not know envelopes.
 */
import { parseMailbox } from '../domain/address.ts';
import { decodeWords } from './encoded-words.ts';

/** One address of a field. */
export interface HeaderAddress {
  /** Display name, decoded; undefined where there is none. */
  readonly name: string | undefined;
  readonly user: string;
  readonly domain: string;
  readonly email: string;
}

/** The addresses of a field; `user`, `domain`, `email` and `name` where there is exactly one. */
export interface AddressHeader extends Partial<HeaderAddress> {
  readonly list: readonly HeaderAddress[];
}

/** Addresses of one field; more make it unreadable. */
const ADDRESSES_MAX = 4096;

/** The text without comments and cut at commas, semicolons and the colons of groups. */
function splitList(text: string): string[] | undefined {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  let isQuoted = false;
  let isAngled = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string;
    const pair: string =
      char === '\\' && (isQuoted || depth > 0) ? char + (text[++at] ?? '') : char;
    if (isQuoted) isQuoted = pair !== '"';
    else if (char === '(') depth += 1;
    else if (depth > 0) {
      if (pair === ')') depth -= 1;
      continue;
    } else if (char === '"') isQuoted = true;
    else if (char === '<') isAngled = true;
    else if (char === '>') isAngled = false;
    else if (!isAngled && (char === ',' || char === ';')) {
      parts.push(part);
      part = '';
      continue;
    } else if (!isAngled && char === ':') {
      part = '';
      continue;
    }
    if (depth === 0) part += pair;
  }
  if (isQuoted || isAngled || depth > 0) return undefined;
  return [...parts, part].map((one) => one.trim()).filter((one) => one !== '');
}

const readName = (text: string): string | undefined => {
  const trimmed = text.trim();
  const inner = /^"(.*)"$/s.exec(trimmed)?.[1]?.replace(/\\(.)/g, '$1') ?? trimmed;
  return inner === '' ? undefined : decodeWords(inner);
};

function readAddress(text: string): HeaderAddress | undefined {
  const angled = /^(.*)<([^<>]*)>$/s.exec(text);
  const mailbox = parseMailbox((angled?.[2] ?? text).replace(/\s+/g, ''));
  if (mailbox === undefined) return undefined;
  const { local: user, domain } = mailbox;
  const name = angled === null ? undefined : readName(angled[1] as string);
  return Object.freeze({ name, user, domain, email: `${user}@${domain}` });
}

/** Reads an unfolded value; undefined where something in it is no address. */
export function parseAddressHeader(value: string): AddressHeader | undefined {
  const parts = splitList(value);
  if (parts === undefined || parts.length > ADDRESSES_MAX) return undefined;
  const list: HeaderAddress[] = [];
  for (const part of parts) {
    const address = readAddress(part);
    if (address === undefined) return undefined;
    list.push(address);
  }
  const only = list.length === 1 ? list[0] : undefined;
  return Object.freeze({ ...only, list: Object.freeze(list) });
}
