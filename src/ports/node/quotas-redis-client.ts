/**
 * The Redis library as we use it: nothing is kept back for later or sent twice, because what could
 * not be said at once is answered otherwise; and connecting goes on for ever.
 * Deliberately unknown here: what is said.
 */
import { Cluster, Redis } from 'ioredis';
import type { RedisConfig, RedisNode } from '../../domain/options-redis.ts';
import { placeOfNode } from '../../domain/options-redis.ts';
import { RETRY_MS } from './quotas-redis-times.ts';

/** A client of one server or of a cluster. */
export type RedisClient = Redis | Cluster;

/** Makes a client; it connects when told to. */
export function makeRedisClient(config: RedisConfig): RedisClient {
  const [first] = config.node;
  if (first === undefined) throw new Error('a Redis client without a server');
  return config.cluster ? makeCluster(config, first) : makeSingle(config, first);
}

function makeSingle(config: RedisConfig, node: RedisNode): Redis {
  const { path, host, port } = node;
  return new Redis({
    ...commonOf(config, node),
    ...(path === undefined ? { host, port } : { path }),
    ...(node.isTls && { tls: { servername: host } }),
    db: node.database,
    enableOfflineQueue: false,
    retryStrategy: () => RETRY_MS,
  });
}

function makeCluster(config: RedisConfig, first: RedisNode): Cluster {
  return new Cluster(
    config.node.map(({ host, port }) => ({ host, port })),
    {
      redisOptions: { ...commonOf(config, first), ...(first.isTls && { tls: {} }) },
      clusterRetryStrategy: () => RETRY_MS,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      lazyConnect: true,
      slotsRefreshTimeout: config.connect_timeout,
    },
  );
}

function commonOf(config: RedisConfig, node: RedisNode) {
  const username = config.username ?? node.username;
  const password = config.password ?? node.password;
  return {
    // Version 2 of the protocol is all that is needed, and older servers know no other.
    protocol: 2,
    connectTimeout: config.connect_timeout,
    connectionName: 'waybill',
    disableClientInfo: true,
    enableReadyCheck: false,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    keepAlive: 10_000,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  } as const;
}

/** Where Redis is, for sentences: without any secret. */
export const placeOfRedis = ({ node }: RedisConfig): string => node.map(placeOfNode).join(', ');
