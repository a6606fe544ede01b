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

/** Anything that looks like an address; queue names are never shown to it. */
const ADDRESS = /([^\s<>@:;,"'()[\]{}\\|=]+)@((?:[\p{L}\p{N}-]+\.)*[\p{L}\p{N}-]+|\[[^\]]*\])/gu;
/** An option of a policy, or of a URL, that is a secret by its name. */
const SECRET_NAME = 'password|passwd|secret|token|api_?key|key_data|authorization';
/** Up to the quote that it began with, which may stand behind a backslash where all is a text. */
const NAMED_SECRET = new RegExp(
  `((?:${SECRET_NAME})\\\\?["'\`]?\\s*[:=]\\s*)(\\\\?["'\`])((?:(?!\\2)[^\\n])+)`,
  'giu',
);
const URL_SECRET = /(:\/\/[^\s/:@"'`]*:)([^\s/@"'`]+)@/gu;
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
const CONTENTS = new Set(['headers', 'meta', 'block', 'trace', 'feedback', 'data']);
/** Addresses, also where they have no domain. */
const ADDRESSES = new Set(['from', 'to', 'recipient']);

type Shape = Readonly<Record<string, string>>;

const SHAPES = new Map<string, Shape>(
  (catalogue as unknown as readonly Definition<string, Record<string, never>>[]).map(
    ({ type, shape }) => [type, shape as unknown as Shape],
  ),
);

/** Replaces what is personal or secret. */
export class Redactor {
  readonly #key: Uint8Array;
  #count = 0;

  constructor(key: Uint8Array = randomBytes(KEY_BYTES)) {
    this.#key = key;
  }

  /** How many texts were replaced. */
  get replaced(): number {
    return this.#count;
  }

  /** A record whose body shows nobody. */
  record(record: StoredRecord): StoredRecord {
    const shape = SHAPES.get(record.type) ?? {};
    const body = JSON.parse(record.body) as Record<string, unknown>;
    for (const [field, value] of Object.entries(body)) {
      body[field] = this.#field(field, shape[field]?.replace('?', ''), value);
    }
    return { ...record, body: JSON.stringify(body) };
  }

  /** A policy's text without its secrets: by the names of options, in URLs, and private keys. */
  policy(text: string): string {
    return text
      .replace(PEM, (pem) => this.#token('k', pem))
      .replace(URL_SECRET, (_all, before: string, secret: string) => {
        return `${before}${this.#token('k', secret)}@`;
      })
      .replace(NAMED_SECRET, (_all, before: string, quote: string, secret: string) => {
        return `${before}${quote}${this.#token('k', secret)}`;
      });
  }

  #field(field: string, kind: string | undefined, value: unknown): unknown {
    if (CONTENTS.has(field)) return this.#contents(value);
    if (kind === 'queueName' || kind === 'sourceName' || NAMES.has(field)) return value;
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
    return text.replace(ADDRESS, (_all, local: string, domain: string) => {
      return `${this.#token('r', local)}@${domain}`;
    });
  }

  #token(kind: string, text: string): string {
    this.#count += 1;
    const digest = createHmac('sha256', this.#key).update(`${kind} ${text}`).digest('hex');
    return `${kind}-${digest.slice(0, TOKEN_DIGITS)}`;
  }
}
