/**
 * The options of quotas shared through Redis (configure_redis_throttles). The idea: what a daemon
 * may use while Redis is away must be said by the operator, because only the operator knows how
 * many daemons there are. A password is never shown in a refusal.
 * Deliberately unknown here: sockets, scripts and keys.
 */

import { parseIp } from './ip.ts';
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { duration, flag, positive, text } from './option-kinds.ts';
import { isHostName } from './option-places.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { inert, option, optional, readOptions, required } from './options.ts';

/** One server: a host with a port, or a unix socket. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
  /** Unix socket; wins over host and port. */
  readonly path?: string;
  readonly isTls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
}

/** A part of a whole, kept as two whole numbers so that a third of three is one. */
export interface Share {
  readonly part: number;
  readonly whole: number;
}

const PORT = 6_379;
const DATABASES_MAX = 65_535;
const NODE_FIX =
  "write 'redis://127.0.0.1:6379', 'rediss://user:password@host:6380/0' or '/path/to/socket'";
const NODE = /^(rediss?):\/\/(?:([^@/]*)@)?(\[[^\]/]+\]|[^:/@[\]]+)(?::(\d{1,5}))?(?:\/(\d*))?$/;

function readNode(value: unknown): RedisNode {
  // What is refused may hold a password, so it is not shown.
  const refused = () => new OptionValueError('this is not the address of a Redis server', NODE_FIX);
  if (typeof value !== 'string' || /\p{Cc}/u.test(value)) throw refused();
  const path = value.startsWith('unix://') ? value.slice('unix://'.length) : value;
  if (path.startsWith('/')) return { host: '', port: 0, path, isTls: false, database: 0 };
  const match = NODE.exec(value);
  if (match === null) throw refused();
  const [, scheme, who = '', place = '', portText, databaseText = ''] = match;
  const isBracketed = place.startsWith('[');
  const host = isBracketed ? place.slice(1, -1) : place.toLowerCase();
  const port = portText === undefined ? PORT : Number(portText);
  const database = Number(databaseText);
  const isIp = parseIp(host) !== undefined;
  if (isBracketed ? !isIp : !isIp && !isHostName(host)) throw refused();
  if (port < 1 || port > 65_535 || database > DATABASES_MAX) throw refused();
  return { host, port, isTls: scheme === 'rediss', database, ...readWho(who, refused) };
}

function readWho(who: string, refused: () => Error): Partial<RedisNode> {
  if (who === '') return {};
  const [name = '', ...rest] = who.split(':');
  try {
    const username = decodeURIComponent(name);
    const password = decodeURIComponent(rest.join(':'));
    return { ...(username !== '' && { username }), ...(password !== '' && { password }) };
  } catch {
    // A lone % is not an escape; it has to be written %25.
    throw refused();
  }
}

/** One server, or several of a cluster. */
const redisNodes: Kind<readonly RedisNode[]> = {
  name: 'address or list of addresses',
  schema: {
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
    ],
  },
  read(value) {
    const nodes = Array.isArray(value) ? value.map(readNode) : [readNode(value)];
    if (nodes.length === 0) throw new OptionValueError('the list is empty', NODE_FIX);
    return Object.freeze(nodes);
  },
};

const SHARE_FIX = "write '1/2' for two daemons, '1/3' for three, or a percentage like '50%'";

/** A share of a whole: `1/3`, `25%`, or `0`. */
const share: Kind<Share> = {
  name: 'share',
  schema: { type: 'string', pattern: '^(0|\\d{1,6}/[1-9]\\d{0,5}|\\d{1,3}%)$' },
  read(value) {
    const match =
      typeof value === 'string' ? /^(\d{1,6})(?:\/([1-9]\d{0,5})|(%))?$/.exec(value) : null;
    const part = Number(match?.[1]);
    const whole = match?.[2] === undefined ? (match?.[3] === '%' ? 100 : 1) : Number(match[2]);
    const isBare = match !== null && match[2] === undefined && match[3] === undefined;
    if (match === null || (isBare && part !== 0)) {
      throw new OptionValueError(`${showValue(value)} is not a share`, SHARE_FIX);
    }
    if (part > whole) {
      throw new OptionValueError(`${showValue(value)} is more than the whole`, SHARE_FIX);
    }
    return { part, whole };
  },
};

const keyPrefix: Kind<string> = {
  name: 'letters, digits, dot, colon, dash',
  schema: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$' },
  read(value) {
    if (typeof value === 'string' && /^[A-Za-z0-9_.:-]{1,64}$/.test(value)) return value;
    const fix = 'use up to 64 letters, digits, dots, colons, dashes and underscores';
    throw new OptionValueError(`${showValue(value)} is not a prefix of keys`, fix);
  },
};

const WAIT_MS_MIN = 50;
const WAIT_MS_MAX = 60_000;

/** Waiting for a server: neither so short that it never answers, nor so long that mail stands. */
const patience: Kind<number> = {
  name: 'duration from 50ms to 1m',
  ...(duration.schema === undefined ? {} : { schema: duration.schema }),
  read(value) {
    const waitMs = duration.read(value);
    if (waitMs >= WAIT_MS_MIN && waitMs <= WAIT_MS_MAX) return waitMs;
    const problem = `${showValue(value)} is not within 50ms and 1m`;
    throw new OptionValueError(problem, "use something like '1s'");
  },
};

const NO_POOL = 'all calls are pipelined over one connection, so there is no pool';

/** The table behind parseRedisConfig. */
export const REDIS_OPTIONS = {
  node: required(redisNodes, "'redis://host:6379', rediss:// for TLS; a list is a cluster"),
  cluster: optional(flag, 'the server is a Redis Cluster; else: more than one node was given'),
  username: optional(text, 'user of an ACL; wins over the one in node'),
  password: optional(text, 'password; wins over the one in node'),
  fallback_share: required(
    share,
    "the part of each limit and rate that this daemon uses while Redis is away: '1/2' of two",
  ),
  fallback_after: option(
    duration,
    '2m',
    'how long others may still hold more than their share, once Redis is away',
  ),
  key_prefix: option(keyPrefix, 'waybill', 'daemons with the same prefix share their quotas'),
  connect_timeout: option(patience, '1s', 'for one connection attempt; they go on for ever'),
  response_timeout: option(patience, '1s', 'without an answer for so long, Redis counts as away'),
  pool_size: inert(positive, NO_POOL),
  wait_timeout: inert(duration, NO_POOL),
  recycle_timeout: inert(duration, NO_POOL),
  read_from_replicas: inert(flag, 'a replica is behind, and what is read is always written too'),
} satisfies OptionTable;

/** How quotas are shared. */
export type RedisConfig = Parsed<typeof REDIS_OPTIONS> & { readonly cluster: boolean };

/** Reads the settings of shared quotas; `where` names them in a refusal. */
export function parseRedisConfig(raw: unknown, where: string): RedisConfig {
  const config = readOptions(REDIS_OPTIONS, raw, where);
  const cluster = config.cluster ?? config.node.length > 1;
  if (config.node.length > 1 && !cluster) {
    const problem = `has ${config.node.length} servers, but cluster is false`;
    throw new OptionError(where, 'node', problem, 'give one server, or remove cluster = false');
  }
  if (cluster && config.node.some(({ database, path }) => database !== 0 || path !== undefined)) {
    const problem = 'names a database or a socket, which a cluster does not have';
    throw new OptionError(where, 'node', problem, "write 'redis://host:port'");
  }
  if (config.username !== undefined && config.password === undefined) {
    const hasOne = config.node.every((node) => node.password !== undefined);
    if (!hasOne) throw new OptionError(where, 'password', 'is missing', 'username needs one');
  }
  return Object.freeze({ ...config, cluster });
}

/** Writes a share the way it is read. */
export const formatShare = ({ part, whole }: Share): string => `${part}/${whole}`;

/** Where a server is, without any secret. */
export const placeOfNode = ({ path, host, port }: RedisNode): string =>
  path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`;
