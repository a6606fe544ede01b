/**
 * What leaves the machine in an incident file: local parts of addresses, header fields, what was
 * kept of messages, and secrets become tokens of a keyed hash, the same text always the same token
 * within one file. Queue names, tenants, domains, hosts and replies stay: without them nobody could
 * tell what happened. Deliberately unknown here: who has the key; nobody keeps it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { catalogue } from '../events/catalogue.ts';
import type { Definition } from '../events/define.ts';
import type { StoredRecord } from '../ports/ports.ts';

const KEY_BYTES = 32;
const TOKEN_DIGITS = 12;

/** The local part of anything that looks like an address; queue names are never shown to it. */
const ADDRESS = /("(?:[^"\\\n]|\\.)*"|[^\s<>@:;,"()[\]\\]+)(?=@[^\s@])/gu;
/** The same as xtext (RFC 3461 section 4), as in ORCPT, and in URLs. */
const XTEXT = /([^\s<>:;=]+)(?=[+%]40[\w.-])/gu;
/** Shorter names of people are words of any reply. */
const NAME_CHARS_MIN = 3;

/** Names of options, fields and parameters that hold a secret, with what people add to them. */
const SECRET =
  '(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private|signing)[-_]?key|key_data|' +
  'authorization|credential)[\\w-]*|(?<![\\w-])(?:pass|pwd)';
const SECRET_NAME = new RegExp(SECRET, 'iu');
/** Up to the quote that it began with; a quote behind a backslash belongs to it. */
const NAMED_SECRET = new RegExp(
  `((?:${SECRET})["'\`]?\\s*[:=]\\s*)(["'\`])((?:\\\\.|(?!\\2)[^\\n\\\\])+)`,
  'giu',
);
/** The same where all stands in a text with quotes behind backslashes. */
const NESTED_SECRET = new RegExp(
  `((?:${SECRET})(?:\\\\["'\`])?\\s*[:=]\\s*)(\\\\["'\`])((?:(?!\\2)[^\\n])+)`,
  'giu',
);
/** A header in one text: 'Authorization: …'. */
const HEADER_SECRET = new RegExp(`(["'\`][\\w-]*(?:${SECRET}):\\s*)()([^"'\`\\n]+)`, 'giu');
const PARAMETER = new RegExp(`([?&;](?:${SECRET})=)()([^&;\\s"'\`]+)`, 'giu');
const SCHEME = /(\b(?:Bearer|Basic)\s+)()((?=[\w.~+/=-]*[0-9A-Z=])[\w.~+/=-]{8,})/gu;
const URL_SECRET = /(:\/\/[^\s/:@"'`]*:)()([^\s/@"'`]+)(?=@)/gu;
const SECRETS = [URL_SECRET, NAMED_SECRET, NESTED_SECRET, HEADER_SECRET, PARAMETER, SCHEME];
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/gu;

/** Fields of text that hold names of queues, sites and sources, in any event. */
const NAMES = new Set(
  ['tenant', 'campaign', 'domain', 'routing_domain', 'queue_names', 'ready', 'about'].concat([
    'site',
    'source',
    'pool',
    'hosts',
    'key',
    'file',
    'hash',
    'session',
  ]),
);
/** Fields of which every text is somebody's content. */
export const CONTENTS: ReadonlySet<string> = new Set([
  'headers',
  'meta',
  'block',
  'trace',
  'feedback',
  'data',
]);
/** Addresses, also where they have no domain. */
const ADDRESSES = new Set(['from', 'to', 'recipient']);

type Shape = Readonly<Record<string, string>>;

const SHAPES = new Map<string, Shape>(
  (catalogue as unknown as readonly Definition<string, Record<string, never>>[]).map(
    ({ type, shape }) => [type, shape as unknown as Shape],
  ),
);

/** Local parts of a record's addresses in lower case, without quotes. */
const peopleIn = (body: Record<string, unknown>): string[] => {
  const addresses = [...ADDRESSES].flatMap((field) => body[field] ?? []);
  const locals = addresses.flatMap((address) => {
    const at = typeof address === 'string' ? address.lastIndexOf('@') : -1;
    if (at < 0) return [];
    return (address as string)
      .slice(0, at)
      .replace(/^"(.*)"$/u, '$1')
      .toLowerCase();
  });
  return locals.filter((local) => local.length >= NAME_CHARS_MIN);
};

/** The text as a word of its own, in any case. */
const wordOf = (text: string): RegExp => {
  const escaped = text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'giu');
};

/** What stands for a secret already. */
const TOKEN = /^k-[0-9a-f]{12}$/;

/** True for a field that holds names of queues, sites or sources, which nobody may rewrite. */
export const isNameField = (type: string, field: string): boolean => {
  const kind = SHAPES.get(type)?.[field]?.replace('?', '');
  return kind === 'queueName' || kind === 'sourceName' || NAMES.has(field);
};

/** Replaces what is personal or secret. */
export class Redactor {
  readonly #key: Uint8Array;
  #count = 0;
  /** Local parts that the record in hand names as its own. */
  #people: readonly string[] = [];

  constructor(key: Uint8Array = randomBytes(KEY_BYTES)) {
    this.#key = key;
  }

  /** How many texts were replaced. */
  get replaced(): number {
    return this.#count;
  }

  /** A record whose body shows nobody. */
  record(record: StoredRecord): StoredRecord {
    const body = JSON.parse(record.body) as Record<string, unknown>;
    this.#people = peopleIn(body);
    for (const [field, value] of Object.entries(body)) {
      body[field] = this.#field(record.type, field, value);
    }
    return { ...record, body: JSON.stringify(body) };
  }

  /** A policy's text without its secrets: by the names of options, in URLs, and private keys. */
  policy(text: string): string {
    let hidden = text.replace(PEM, (pem) => this.#token('k', pem));
    for (const kind of SECRETS) {
      hidden = hidden.replace(kind, (_all, before: string, quote: string, secret: string) => {
        return `${before}${quote}${TOKEN.test(secret) ? secret : this.#token('k', secret)}`;
      });
    }
    return hidden;
  }

  /** The same for all texts in a value; what is named like a secret is one, whatever it says. */
  value<T>(value: T): T {
    const hide = (one: unknown, name: string): unknown => {
      if (typeof one === 'string') {
        return SECRET_NAME.test(name) && one !== '' ? this.#token('k', one) : this.policy(one);
      }
      if (Array.isArray(one)) return one.map((each) => hide(each, name));
      if (typeof one !== 'object' || one === null) return one;
      return Object.fromEntries(Object.entries(one).map(([key, each]) => [key, hide(each, key)]));
    };
    return hide(value, '') as T;
  }

  #field(type: string, field: string, value: unknown): unknown {
    if (CONTENTS.has(field)) return this.#contents(value);
    if (isNameField(type, field)) return value;
    if (field === 'answer' && typeof value === 'string') return this.policy(value);
    return this.#texts(value, ADDRESSES.has(field));
  }

  #texts(value: unknown, isAddress: boolean): unknown {
    if (typeof value === 'string') return isAddress ? this.#address(value) : this.#text(value);
    if (Array.isArray(value)) return value.map((one) => this.#texts(one, isAddress));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, one]) => [key, this.#texts(one, isAddress)]);
    return Object.fromEntries(entries);
  }

  #contents(value: unknown): unknown {
    if (typeof value === 'string') return value === '' ? '' : this.#token('c', value);
    if (Array.isArray(value)) return value.map((one) => this.#contents(one));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, one]) => [key, this.#contents(one)]);
    return Object.fromEntries(entries);
  }

  #address(address: string): string {
    const at = address.lastIndexOf('@');
    if (address === '' || address === '<>') return address;
    if (at < 0) return this.#token('r', address);
    return `${this.#token('r', address.slice(0, at))}${address.slice(at)}`;
  }

  #text(text: string): string {
    const hide = (local: string): string => this.#token('r', local);
    let hidden = text.replace(ADDRESS, hide).replace(XTEXT, hide);
    for (const person of this.#people) {
      if (hidden.toLowerCase().includes(person)) hidden = hidden.replace(wordOf(person), hide);
    }
    return hidden;
  }

  #token(kind: string, text: string): string {
    this.#count += 1;
    const digest = createHmac('sha256', this.#key).update(`${kind} ${text}`).digest('hex');
    return `${kind}-${digest.slice(0, TOKEN_DIGITS)}`;
  }
}
