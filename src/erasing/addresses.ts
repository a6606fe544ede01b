/**
 * The addresses of an order of erasure: how they may be written, and what stands there afterwards.
 * The one idea: an address is found in any of its usual forms (with `@`, as senders put it into
 * their return path, in a URL), in whichever case, and never inside a longer one; the domain stays,
 * since queues and counts are by domain.
 * Deliberately unknown here: records and files.
 */
import { domainToASCII } from 'node:url';
import { parseMailbox } from '../domain/address.ts';

/** Addresses of one order: each is looked for in everything there is. */
export const ADDRESSES_MAX = 100;

/** An order's addresses cannot be understood; the message says which and why. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

interface Address {
  readonly local: string;
  readonly domains: readonly string[];
}

const read = (text: string): Address => {
  const mailbox = parseMailbox(text);
  if (mailbox === undefined) throw new AddressRefused(`${text} is not an address (local@domain)`);
  const { local, domain } = mailbox;
  return { local, domains: [...new Set([domain, domainToASCII(domain) || domain])] };
};

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
const asBytes = (text: string): string => Buffer.from(text).toString('latin1');

/** Not behind what would make it the end of a longer local part. `=` may stand before it. */
const BEGIN = "(?:(?<=%[0-9a-f]{2})|(?<![A-Za-z0-9\\u0080-\\uffff.!#$%'*^_`{|}~+-]))";
/** A return path has it behind a plus or a hyphen. */
const BEGIN_IN_PATH = "(?<![A-Za-z0-9\\u0080-\\uffff.!#$%'*^_`{|}~])";
const END = '(?![A-Za-z0-9\\u0080-\\uffff-]|\\.[A-Za-z0-9\\u0080-\\uffff])';

const anyOf = (texts: readonly string[]): string => `(?:${texts.join('|')})`;

const formsOf = (addresses: readonly Address[], coded: (text: string) => string): RegExp => {
  const written = (texts: readonly string[]): string =>
    anyOf([...new Set(texts)].map((one) => literal(coded(one))));
  const both = (separator: string): string =>
    anyOf(
      addresses.map(
        ({ local, domains }) => written([local, inJson(local)]) + separator + written(domains),
      ),
    );
  const signed = BEGIN + both('(?:@|=40|%40)') + END;
  return new RegExp(`${signed}|${BEGIN_IN_PATH}${both('=')}${END}`, 'gi');
};

/** What of a found form is its separator and its domain. */
const TAIL = /(@|=40|%40|=)(?:[^@=%]*)$/i;

/** Finds the addresses of an order, and puts its token in their place. */
export class Addresses {
  readonly list: readonly string[];
  readonly #token: string;
  readonly #texts: RegExp;
  readonly #bytes: RegExp;
  /** Local parts in lower case, as bytes of files have them. */
  readonly #locals: readonly string[];
  readonly #whole: ReadonlySet<string>;
  /** For a search in stored bodies: pairs of texts that both occur where an address may. */
  readonly pairs: readonly (readonly [string, string])[];
  /** The same for what this order may have put there already. */
  readonly tokenPairs: readonly (readonly [string, string])[];

  /** `order` is a UUID: the same order always leaves the same texts. */
  constructor(list: readonly string[], order: string) {
    if (list.length === 0 || list.length > ADDRESSES_MAX) {
      throw new AddressRefused(`an order names 1 to ${ADDRESSES_MAX} addresses`);
    }
    const addresses = list.map(read);
    this.list = list;
    this.#token = `erased-${order.slice(0, 8)}`;
    this.#texts = formsOf(addresses, (text) => text);
    this.#bytes = formsOf(addresses, asBytes);
    const locals = addresses.flatMap(({ local }) => [local, inJson(local)]);
    this.#locals = [...new Set(locals.map((local) => asBytes(local).toLowerCase()))];
    // What this order has put in their place already counts too: a run may have been cut short.
    const all = addresses.flatMap(({ local, domains }) =>
      domains.flatMap((domain) => [[local, domain] as const, [this.#token, domain] as const]),
    );
    this.#whole = new Set(all.map(([local, domain]) => `${local}@${domain}`.toLowerCase()));
    const pairs = all.map(([local, domain]) => [lower(inJson(local)), lower(domain)] as const);
    this.pairs = pairs.filter(([local]) => local !== this.#token);
    this.tokenPairs = pairs.filter(([local]) => local === this.#token);
  }

  /** True for one of the addresses as an envelope has it. */
  isOne(address: string): boolean {
    return this.#whole.has(address.toLowerCase());
  }

  /** True when one of them is in a text. */
  isIn(text: string): boolean {
    this.#texts.lastIndex = 0;
    return this.#texts.test(text);
  }

  /** True when one of them is in bytes, read as Latin-1. */
  isInBytes(latin1: string): boolean {
    // A plain search passes over most bytes ten times as fast.
    const text = latin1.toLowerCase();
    if (!this.#locals.some((local) => text.includes(local))) return false;
    this.#bytes.lastIndex = 0;
    return this.#bytes.test(latin1);
  }

  /** The text with the order's token for each local part. */
  replacedIn(text: string): string {
    return text.replace(this.#texts, (found) => this.#token + (TAIL.exec(found)?.[0] ?? ''));
  }
}

/** As SQLite's lower() does it: letters of ASCII only. */
const lower = (text: string): string => text.replace(/[A-Z]+/g, (one) => one.toLowerCase());
