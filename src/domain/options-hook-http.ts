/**
 * The options of a log hook's HTTP sink: where records are posted, in which form, how they are
 * signed, and whom we trust there. A refusal names key and fix and never shows a secret.
 * Deliberately unknown here: sockets, bodies, and what a hook takes of the log.
 */
import { addressOfHost, hookUrl, isForbiddenAddress } from './hook-url.ts';
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { cidrList, duration, flag, listOf, mapOf, oneOf, tableOf, text } from './option-kinds.ts';
import { keySource } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { option, optional, readOptions, required } from './options.ts';
import type { PlainOrSecret, SecretSource } from './secret-source.ts';
import { plainOrSecret, secretSource } from './secret-source.ts';
import { isSigningSecret, SECRET_FIX } from './signing-secret.ts';

const WAIT_MS_MIN = 100;
const WAIT_MS_MAX = 600_000;

/** Waiting for a receiver: neither so short that it never answers, nor without end. */
const patience: Kind<number> = {
  name: 'duration from 100ms to 10m',
  ...(duration.schema === undefined ? {} : { schema: duration.schema }),
  read(value) {
    const waitMs = duration.read(value);
    if (waitMs >= WAIT_MS_MIN && waitMs <= WAIT_MS_MAX) return waitMs;
    throw new OptionValueError(`${showValue(value)} is not within 100ms and 10m`, "use like '10s'");
  },
};

/** A key for signatures: `whsec_…` as it is, or where it is kept. */
const signingSecret: Kind<SecretSource> = {
  ...secretSource,
  name: 'whsec_… or path, {key_data}, {env}',
  read(value) {
    const isItself = typeof value === 'string' && value.startsWith('whsec_');
    const source = secretSource.read(isItself ? { key_data: value } : value);
    if ('key_data' in source && !isSigningSecret(source.key_data)) {
      throw new OptionValueError('this is not a signing secret', SECRET_FIX);
    }
    return source;
  },
};

const SECRETS_MAX = 8;
const secretList = listOf(signingSecret);

/** One secret, or several while they are exchanged. */
const signingSecrets: Kind<readonly SecretSource[]> = {
  name: `${signingSecret.name}, or a list of them`,
  schema: { anyOf: [signingSecret.schema ?? {}, secretList.schema ?? {}] },
  read(value) {
    const secrets = Array.isArray(value) ? secretList.read(value) : [signingSecret.read(value)];
    if (secrets.length >= 1 && secrets.length <= SECRETS_MAX) return Object.freeze(secrets);
    const problem = `there are ${secrets.length} signing secrets`;
    throw new OptionValueError(problem, `give from 1 to ${SECRETS_MAX}`);
  },
};

// RFC 9110 section 5.6.2.
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
// RFC 9110 section 5.5, without the obsolete octets beyond ASCII.
const HEADER_VALUE = /^[\x20-\x7e]*$/;
const HEADERS_MAX = 50;
/** What the client, the signature and the body say for themselves. */
const OWN_HEADERS = new Set([
  'host',
  'connection',
  'keep-alive',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'traceparent',
]);
const OWN_FAMILIES = /^(proxy|webhook|waybill)-/;

const isOwnHeader = (name: string): boolean =>
  OWN_HEADERS.has(name.toLowerCase()) || OWN_FAMILIES.test(name.toLowerCase());

const headerMap = mapOf(plainOrSecret);

/** Further header lines. */
const headers: Kind<Readonly<Record<string, PlainOrSecret>>> = {
  ...headerMap,
  name: 'table from header to text, {path}, {key_data} or {env}',
  read(value) {
    const given = headerMap.read(value);
    const names = Object.keys(given);
    if (names.length > HEADERS_MAX) {
      const fix = `give at most ${HEADERS_MAX}`;
      throw new OptionValueError(`there are ${names.length} headers`, fix);
    }
    for (const [name, content] of Object.entries(given)) checkHeader(name, content);
    const lower = new Set(names.map((name) => name.toLowerCase()));
    if (lower.size < names.length) {
      throw new OptionValueError('a header is there twice', 'give each name once');
    }
    return given;
  },
};

function checkHeader(name: string, content: PlainOrSecret): void {
  if (!HEADER_NAME.test(name)) {
    throw new OptionValueError(`${showValue(name)} is not the name of a header`, 'change it');
  }
  if (isOwnHeader(name)) {
    throw new OptionValueError(`the header '${name}' is set by the sink itself`, 'remove it');
  }
  const value = typeof content === 'string' ? content : 'key_data' in content && content.key_data;
  if (value !== false && !HEADER_VALUE.test(value)) {
    const problem = `the value of '${name}' has characters that a header cannot carry`;
    throw new OptionValueError(problem, 'use printable ASCII');
  }
}

/** Options of `auth`. */
export const HTTP_SINK_AUTH_OPTIONS = {
  bearer: optional(secretSource, 'token of `Authorization: Bearer`'),
  username: optional(text, 'user of `Authorization: Basic`'),
  password: optional(secretSource, 'password of that user'),
} satisfies OptionTable;

/** Options of `tls`. */
export const HTTP_SINK_TLS_OPTIONS = {
  ca: optional(keySource, 'certificates of the authority trusted instead of the usual ones'),
  certificate: optional(keySource, 'client certificate, shown where one is asked for'),
  private_key: optional(keySource, 'its key; both or neither'),
  server_name: optional(text, 'name asked for and checked instead of the host of the URL'),
  insecure: option(flag, false, 'takes any certificate: only for trying out'),
} satisfies OptionTable;

/** The table behind parseHttpSinkConfig. */
export const HTTP_SINK_OPTIONS = {
  url: required(
    hookUrl,
    'where records are posted to; no log-in in it, and no redirect is followed',
  ),
  method: option(oneOf('POST', 'PUT'), 'POST', 'the method of the requests'),
  content: option(
    oneOf('json', 'ndjson'),
    'json',
    "'json': an object, or with `batch_size` above 1 an array; 'ndjson': a record a line",
  ),
  cloudevents: optional(oneOf('structured'), 'wraps each record in a CloudEvents 1.0 envelope'),
  headers: option(headers, {}, 'further headers; a secret value stands in a table'),
  auth: optional(tableOf(HTTP_SINK_AUTH_OPTIONS), 'log-in: a bearer token, or user and password'),
  signing_secret: optional(
    signingSecrets,
    'signs by Standard Webhooks; several during an exchange',
  ),
  gzip: option(flag, false, 'compresses bodies of 1,024 octets and more'),
  timeout: option(patience, '60s', 'for one request as a whole, the answer and its body included'),
  connect_timeout: option(patience, '10s', 'for address, connection and TLS, within `timeout`'),
  tls: option(tableOf(HTTP_SINK_TLS_OPTIONS), {}, 'whom we trust, and who we are'),
  allow_addresses: option(
    cidrList,
    [],
    'link-local and metadata addresses that may be connected to all the same',
  ),
} satisfies OptionTable;

/** Where and how the HTTP sink of a hook sends. */
export type HttpSinkConfig = Parsed<typeof HTTP_SINK_OPTIONS>;

/** Reads the options of an HTTP sink; `where` names it in a refusal. */
export function parseHttpSinkConfig(raw: unknown, where: string): HttpSinkConfig {
  const config = readOptions(HTTP_SINK_OPTIONS, raw, where);
  const refuse = (key: string, problem: string, fix: string): never => {
    throw new OptionError(where, key, problem, fix);
  };
  const address = addressOfHost(new URL(config.url).hostname);
  if (address !== undefined && isForbiddenAddress(address, config.allow_addresses)) {
    refuse('url', `${address} is a link-local or metadata address`, 'list it in allow_addresses');
  }
  if (config.cloudevents !== undefined && config.content !== 'json') {
    refuse('cloudevents', 'envelopes are JSON', "remove content = 'ndjson'");
  }
  checkAuth(config, refuse);
  checkTls(config, refuse);
  return config;
}

type Refuse = (key: string, problem: string, fix: string) => never;

function checkAuth({ auth, headers: given }: HttpSinkConfig, refuse: Refuse): void {
  if (auth === undefined) return;
  const { bearer, username, password } = auth;
  const isBasic = username !== undefined || password !== undefined;
  if ((bearer === undefined) === !isBasic) {
    refuse('auth', 'is neither bearer alone nor username with password', 'give one of the two');
  }
  if (isBasic && (username === undefined || password === undefined)) {
    const missing = username === undefined ? 'username' : 'password';
    refuse(`auth.${missing}`, 'is missing', 'give both username and password');
  }
  // RFC 7617 section 2: the first colon ends the user's name.
  if (username?.includes(':')) refuse('auth.username', 'has a colon', 'use another user');
  if (Object.keys(given).some((name) => name.toLowerCase() === 'authorization')) {
    refuse('headers', 'has authorization beside auth', 'remove one of them');
  }
}

function checkTls({ url, tls }: HttpSinkConfig, refuse: Refuse): void {
  const { certificate, private_key: privateKey, insecure, ca } = tls;
  if ((certificate === undefined) !== (privateKey === undefined)) {
    const missing = certificate === undefined ? 'certificate' : 'private_key';
    refuse(`tls.${missing}`, 'is missing', 'give both certificate and private_key');
  }
  if (insecure && ca !== undefined) {
    refuse('tls.insecure', 'takes any certificate, so ca means nothing', 'remove one of them');
  }
  const isUsed = insecure || Object.keys(tls).length > 1;
  if (isUsed && url.startsWith('http:')) {
    refuse('tls', 'means nothing for an http URL', 'remove it, or use https');
  }
}
