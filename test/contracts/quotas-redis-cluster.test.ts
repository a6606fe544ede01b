/**
 * The quotas over a Redis Cluster of two real nodes: all keys lie in one slot, whichever node has
 * it, and both daemons find it from either.
 * Deliberately unknown here: fail-over, which is Redis' own business.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseRedisConfig } from '../../src/domain/options-redis.ts';
import { createQuotas } from '../../src/domain/quotas.ts';
import { openRedisQuotas } from '../../src/ports/node/quotas-redis.ts';
import { findFreePort } from '../faults/free-port.ts';
import { acquire, held, limit, rate, take } from './quotas-contract.ts';
import { noRedis, RedisServer } from './redis-server.ts';

const READY_MS_MAX = 20_000;

async function startNode(): Promise<RedisServer> {
  const bus = String(await findFreePort());
  return await RedisServer.start({
    options: ['--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-config-file', 'c.conf'],
  });
}

/** Two nodes with half of the slots each. */
async function startCluster(): Promise<RedisServer[]> {
  const nodes = [await startNode(), await startNode()];
  const [first, second] = nodes as [RedisServer, RedisServer];
  await first.say('CLUSTER ADDSLOTSRANGE 0 8191');
  await second.say('CLUSTER ADDSLOTSRANGE 8192 16383');
  const bus = /cluster-port\r\n\$\d+\r\n(\d+)/.exec(
    await second.say('CONFIG GET cluster-port'),
  )?.[1];
  await first.say(`CLUSTER MEET 127.0.0.1 ${second.port} ${bus}`);
  const end = performance.now() + READY_MS_MAX;
  for (const node of nodes) {
    while (!(await node.say('CLUSTER INFO')).includes('cluster_state:ok')) {
      assert.ok(performance.now() < end, 'the cluster never came up');
      await sleep(50);
    }
  }
  return nodes;
}

const now = (): number => Date.now();

test('a cluster shares rates and limits', { skip: noRedis }, async () => {
  const nodes = await startCluster();
  const lines: string[] = [];
  const open = (node: string | string[]) =>
    openRedisQuotas({
      config: parseRedisConfig({ node, cluster: true, fallback_share: '1/2' }, 'test'),
      inner: createQuotas({ now }),
      now,
      log: (level, text) => lines.push(`${level} ${text}`),
    });
  // One daemon knows both nodes, the other the second one only.
  const daemons = [open(nodes.map(({ url }) => url)), open(nodes[1]?.url ?? '')] as const;
  try {
    const end = performance.now() + READY_MS_MAX;
    while (daemons.some((daemon) => !daemon.figures().isAvailable)) {
      assert.ok(performance.now() < end, lines.join('\n'));
      await sleep(50);
    }
    // The gate of a new Redis opens after two and a half seconds.
    await sleep(3_000);
    const [one, two] = daemons.map(({ quotas }) => quotas) as [
      (typeof daemons)[0]['quotas'],
      (typeof daemons)[1]['quotas'],
    ];
    const rates = [rate('a', '1000/s'), rate('b {odd} name', '900/s,max_burst=1')];
    assert.equal((await take(one, rates, 5)).granted, 1);
    await sleep(5);
    assert.ok((await take(two, rates, 5)).granted <= 1);
    const limits = [limit('x', 3), limit('{y}', 2)];
    const lease = await held(one, limits);
    await held(two, limits);
    const denied = await acquire(two, limits);
    assert.equal(denied.kind === 'denied' && denied.binding, '{y}');
    one.release(lease);
    await sleep(200);
    await held(two, limits);
  } finally {
    await Promise.all(daemons.map((daemon) => daemon.close()));
    for (const node of nodes) await node.dispose();
  }
});
