/**
 * The secrets of an HTTP sink at the moment of a request: read from where they are kept, put where
 * they belong, and known by name to what is told afterwards.
 * Deliberately unknown here: requests, files and environment.
 */
import { placeOfUrl } from '../../domain/hook-url.ts';
import type { HttpSinkConfig } from '../../domain/options-hook-http.ts';
import type { PlainOrSecret, SecretSource } from '../../domain/secret-source.ts';
import { keyOfSecret, SECRET_FIX } from '../../domain/signing-secret.ts';
import { createScrubber } from './scrub.ts';

/** Reads a secret; undefined where that is impossible, which was then told elsewhere. */
export type ReadSecret = (source: SecretSource) => string | undefined;

/** A request cannot be made, because something that belongs to it is missing; the text is shown. */
export class SinkUnready extends Error {}

/** What goes into a request. */
export interface RequestSecrets {
  readonly headers: Readonly<Record<string, string>>;
  /** Keys of signatures, base64. */
  readonly keys: readonly string[];
}

const HEADER_VALUE = /^[\x20-\x7e]*$/;

/** Says where a secret is kept, never what it is. */
function nameOf(source: SecretSource): string {
  if ('env' in source) return `the environment variable ${source.env}`;
  return 'path' in source ? `the file ${source.path}` : 'the policy';
}

function must(source: SecretSource, readSecret: ReadSecret): string {
  const secret = readSecret(source);
  if (secret === undefined) throw new SinkUnready(`cannot read a secret from ${nameOf(source)}`);
  return secret;
}

/** PEM text or the like, by its source. */
export const readPem = (
  source: SecretSource | undefined,
  readSecret: ReadSecret,
): string | undefined => (source === undefined ? undefined : must(source, readSecret));

/** Reads all that a request needs; throws SinkUnready. */
export function readRequestSecrets(config: HttpSinkConfig, readSecret: ReadSecret): RequestSecrets {
  const headers: Record<string, string> = {};
  const put = (name: string, value: string, source: PlainOrSecret): void => {
    if (!HEADER_VALUE.test(value) && typeof source !== 'string') {
      throw new SinkUnready(`${nameOf(source)} has what a header cannot carry`);
    }
    headers[name.toLowerCase()] = value;
  };
  for (const [name, source] of Object.entries(config.headers)) {
    put(name, typeof source === 'string' ? source : must(source, readSecret), source);
  }
  const { bearer, username, password } = config.auth ?? {};
  if (bearer !== undefined) put('authorization', `Bearer ${must(bearer, readSecret)}`, bearer);
  if (username !== undefined && password !== undefined) {
    const who = Buffer.from(`${username}:${must(password, readSecret)}`, 'utf8');
    put('authorization', `Basic ${who.toString('base64')}`, password);
  }
  return { headers, keys: (config.signing_secret ?? []).map((from) => keyFrom(from, readSecret)) };
}

function keyFrom(source: SecretSource, readSecret: ReadSecret): string {
  const key = keyOfSecret(must(source, readSecret));
  if (key !== undefined) return key;
  throw new SinkUnready(`${nameOf(source)} holds no signing secret; ${SECRET_FIX}`);
}

const TELLING_HEADER = /auth|cookie|key|token|secret|signature/i;

/** Makes what takes this sink's secrets out of a text. */
export function scrubberOf(
  config: HttpSinkConfig,
  readSecret: ReadSecret,
): (text: string) => string {
  const { bearer, username, password } = config.auth ?? {};
  const sources: SecretSource[] = [];
  const plain: string[] = [];
  for (const [name, source] of Object.entries(config.headers)) {
    if (typeof source !== 'string') sources.push(source);
    else if (TELLING_HEADER.test(name)) plain.push(source);
  }
  for (const source of [
    bearer,
    password,
    config.tls.private_key,
    ...(config.signing_secret ?? []),
  ]) {
    if (source !== undefined) sources.push(source);
  }
  const secrets = sources.flatMap((source) => readSecret(source) ?? []);
  const keys = secrets.flatMap((secret) => keyOfSecret(secret) ?? []);
  const pass = password === undefined ? undefined : readSecret(password);
  if (pass !== undefined) plain.push(`${username}:${pass}`);
  const { search, searchParams } = new URL(config.url);
  plain.push(search.slice(1), ...searchParams.values());
  const scrub = createScrubber([...secrets, ...keys, ...plain]);
  return (text) => scrub(text.replaceAll(config.url, placeOfUrl(config.url)));
}
