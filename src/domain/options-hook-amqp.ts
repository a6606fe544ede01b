/**
 * The options of a log hook that publishes to RabbitMQ (AMQP 0-9-1), under the reference's names
 * for `connection` and `basic_publish`. The idea: what must hold for nothing to be lost (confirms,
 * mandatory, persistent) is the default or cannot be switched off; a password is never shown.
 * Deliberately unknown here: sockets, records, which client is used.
 */
import { templateKind } from './hook-template.ts';
import { parseIp } from './ip.ts';
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { duration, flag, mapOf, plain, port, positive, text, wholeNumber } from './option-kinds.ts';
import type { KeySource } from './option-places.ts';
import { isHostName, keySource } from './option-places.ts';
import { schemaOf } from './option-schema.ts';
import { secret } from './option-secret.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, option, optional, readOptions, required } from './options.ts';
import { always } from './options-hook-kafka-kinds.ts';

/** Names of the protocol are of one length octet. */
const NAME_BYTES_MAX = 255;

/** What is wrong with the name of an exchange or a routing key; undefined for a good one. */
export function amqpNameProblem(name: string): string | undefined {
  const bytes = new TextEncoder().encode(name).length;
  return bytes > NAME_BYTES_MAX ? `is longer than ${NAME_BYTES_MAX} octets` : undefined;
}

/** Where a server is, as one text. */
interface Place {
  readonly host: string;
  readonly port?: number;
  readonly vhost?: string;
  readonly username?: string;
  readonly password?: string;
  readonly isTls: boolean;
}

const URI_FIX = "write 'amqp://user:password@host:5672/vhost', amqps:// for TLS";
const WHO = '(?:([^@/:]*)(?::([^@/]*))?@)?';
const PLACE = '(\\[[0-9A-Fa-f:.]+\\]|[^:/@?#[\\]]+)(?::(\\d{1,5}))?';
const URI = new RegExp(`^(amqps?)://${WHO}${PLACE}(?:/([^/?#]*))?$`);

/** A server with everything that leads to it. */
const uri: Kind<Place> = {
  name: 'URI',
  schema: { type: 'string', pattern: '^amqps?://' },
  read(value) {
    // What is refused may hold a password, so it is not shown.
    const refused = () => new OptionValueError('this is not the URI of a server', URI_FIX);
    const match = typeof value === 'string' && !/\p{Cc}/u.test(value) ? URI.exec(value) : null;
    if (match === null) throw refused();
    const [, scheme, username, password, place = '', portText, vhost] = match;
    const host = place.replace(/^\[|\]$/g, '');
    if (parseIp(host) === undefined && !isHostName(host)) throw refused();
    const given = portText === undefined ? {} : { port: port.read(Number(portText)) };
    try {
      return {
        host,
        ...given,
        isTls: scheme === 'amqps',
        ...(vhost !== undefined && { vhost: decodeURIComponent(vhost) }),
        ...(username !== undefined && { username: decodeURIComponent(username) }),
        ...(password !== undefined && { password: decodeURIComponent(password) }),
      };
    } catch {
      // A lone % is not an escape; it has to be written %25.
      throw refused();
    }
  },
};

const WAIT_MS_MIN = 100;
const WAIT_MS_MAX = 600_000;

/** Waiting for a server: neither so short that it never answers, nor for ever. */
const patience: Kind<number> = {
  name: 'duration from 100ms to 10m',
  ...(duration.schema === undefined ? {} : { schema: duration.schema }),
  read(value) {
    const waitMs = duration.read(value);
    if (waitMs >= WAIT_MS_MIN && waitMs <= WAIT_MS_MAX) return waitMs;
    const problem = `${showValue(value)} is not within 100ms and 10m`;
    throw new OptionValueError(problem, "use something like '30s'");
  },
};

const HOST: Kind<string> = {
  name: 'host name or IP address',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    const host = text.read(value).replace(/^\[(.*)\]$/, '$1');
    if (parseIp(host) !== undefined || isHostName(host)) return host;
    const fix = 'give a name or an address; the port is an option of its own';
    throw new OptionValueError(`${showValue(value)} is not a host`, fix);
  },
};

const NO_POOL = 'records go in order, over one connection, so there is no pool';
const CONFIRMED = always([true], 'a record counts as sent when the server has confirmed it');
const NOT_IMMEDIATE = always([false], 'RabbitMQ has no immediate delivery');
const SECONDS_MAX = 3_600;

/** The table behind parseAmqpHook. */
export const AMQP_HOOK_OPTIONS = {
  uri: optional(uri, "'amqp://user:password@host:5672/vhost'; what is given beside it wins"),
  host: optional(HOST, 'the server; needed unless uri is given'),
  port: optional(port, '5672, or 5671 with TLS'),
  username: optional(text, 'who logs in; else guest'),
  password: optional(secret, 'its password; else guest'),
  vhost: optional(text, 'virtual host; else /'),
  connection_name: option(text, 'waybill', 'name shown by the server'),
  heartbeat: option(duration, '30s', 'a dead link is found after two of these; 0 for none'),
  enable_tls: optional(flag, 'TLS; else as the uri says, or none'),
  root_ca_cert: optional(keySource, 'certificates of authorities; else those of the system'),
  client_cert: optional(keySource, 'certificate that is shown to the server'),
  client_private_key: optional(keySource, 'its key; both or neither'),
  connect_timeout: option(patience, '10s', 'for connecting and logging in'),
  publish_timeout: option(patience, '60s', 'for a batch in all, until all of it is confirmed'),
  exchange: optional(templateKind(amqpNameProblem), 'exchange, with places; else the default one'),
  routing_key: required(
    templateKind(amqpNameProblem),
    'routing key; {{type}}, {{tenant}}, {{domain}}, {{nodeid}}',
  ),
  mandatory: option(flag, true, 'what no queue gets becomes a dead letter; false: it is dropped'),
  delivery_mode: option(wholeNumber(1, 2), 2, '2: kept on disk by durable queues; 1: not'),
  content_type: option(text, 'application/json', 'what the text is'),
  content_encoding: optional(text, 'how the text is encoded'),
  message_type: optional(text, "type of the message; else the record's"),
  app_id: option(text, 'waybill', 'name of the sending program'),
  user_id: optional(text, 'checked by the server against who logged in'),
  reply_to: optional(text, 'queue for answers'),
  correlation_id: optional(text, 'the same for all records'),
  expiration: optional(duration, 'how long a message may wait in a queue'),
  priority: optional(wholeNumber(0, 255), 'for queues with priorities'),
  headers: optional(mapOf(plain), 'more headers'),
  confirm_select: optional(CONFIRMED, 'true, always'),
  immediate: optional(NOT_IMMEDIATE, 'false, always'),
  pool_size: inert(positive, NO_POOL),
  wait_timeout: inert(duration, NO_POOL),
  recycle_timeout: inert(duration, NO_POOL),
} satisfies OptionTable;

type Given = Parsed<typeof AMQP_HOOK_OPTIONS>;

/** A hook's way to RabbitMQ. */
export interface AmqpHookConfig {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: KeySource;
  readonly vhost: string;
  /** Absent: no TLS. */
  readonly tls?: AmqpTls;
  /** What is published, and how the link is kept. */
  readonly given: Omit<Given, 'uri' | 'host' | 'port' | 'username' | 'password' | 'vhost'>;
}

/** What TLS needs; without `ca` the authorities of the system are trusted. */
export interface AmqpTls {
  readonly ca?: KeySource;
  readonly certificate?: KeySource;
  readonly key?: KeySource;
}

const PORT = 5_672;
const TLS_PORT = 5_671;

/** Reads a hook's way to RabbitMQ; `where` names it in a refusal. */
export function parseAmqpHook(raw: unknown, where: string): AmqpHookConfig {
  const { uri: place, ...given } = readOptions(AMQP_HOOK_OPTIONS, raw, where);
  const { host = place?.host, ...rest } = given;
  if (host === undefined) {
    throw new OptionError(where, 'host', 'is missing', 'give host, or uri');
  }
  if (given.heartbeat > SECONDS_MAX * 1_000) {
    throw new OptionError(where, 'heartbeat', 'is longer than an hour', "use something like '30s'");
  }
  const isTls = given.enable_tls ?? place?.isTls ?? false;
  const tls = readTls(given, where, isTls);
  const written = place?.password === undefined ? undefined : { key_data: place.password };
  return Object.freeze({
    host,
    port: given.port ?? place?.port ?? (isTls ? TLS_PORT : PORT),
    username: given.username ?? place?.username ?? 'guest',
    password: given.password ?? written ?? { key_data: 'guest' },
    vhost: given.vhost ?? place?.vhost ?? '/',
    ...(tls !== undefined && { tls }),
    given: Object.freeze(rest),
  });
}

function readTls(given: Omit<Given, 'uri'>, where: string, isTls: boolean): AmqpTls | undefined {
  const keys = ['root_ca_cert', 'client_cert', 'client_private_key'] as const;
  const stray = keys.find((key) => given[key] !== undefined);
  if (!isTls) {
    if (stray === undefined) return undefined;
    throw new OptionError(where, stray, 'is given, but there is no TLS', 'set enable_tls = true');
  }
  const { root_ca_cert: ca, client_cert: certificate, client_private_key: key } = given;
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = key === undefined ? 'client_private_key' : 'client_cert';
    throw new OptionError(where, missing, 'is missing', 'give both, or neither');
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}

/** The same, as a kind of value. */
export const amqpHook: Kind<AmqpHookConfig> = {
  name: 'table of AMQP options',
  schema: schemaOf(AMQP_HOOK_OPTIONS),
  read: (value) => parseAmqpHook(value, ''),
};
