/**
 * Two daemons under load share one Redis and send to one receiver, which measures them: together
 * never more than ten connections and a hundred messages a second, also while Redis is killed,
 * started again empty, hung, and let go on.
 * Deliberately unknown here: how they agree.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { noRedis, RedisServer } from '../contracts/redis-server.ts';
import { Daemon } from './daemon.ts';
import { MeasuringSink } from './measuring-sink.ts';
import { makeProbes } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import { sendAll } from './sender.ts';

const CONNECTIONS = 10;
const MESSAGES_A_S = 100;
const BURST = 100;
/** A message may be a little longer on its way than the one before it: of 100/s so many. */
const JITTER = 10;
const MESSAGES = 6_000;
const PHASE_MS = 5_000;
const WAIT_MS_MAX = 60_000;

const policyText = (sink: number, redis: string): string => `
import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
    setup.redisThrottles({
      node: '${redis}',
      fallback_share: '1/2',
      fallback_after: '3s',
      connect_timeout: '250ms',
      response_timeout: '500ms',
    });
  },
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${sink}'] } },
    retry_interval: '1s',
    max_retry_interval: '1s',
  }),
  get_egress_path_config: () => ({
    prohibited_hosts: [],
    enable_tls: 'Disabled',
    connection_limit: ${CONNECTIONS},
    max_message_rate: '${MESSAGES_A_S}/s',
    max_deliveries_per_connection: 40,
    idle_timeout: '1s',
  }),
});
`;

interface Running {
  readonly daemon: Daemon;
  readonly data: string;
}

async function metric({ data }: Running, name: string): Promise<number> {
  const { httpListeners } = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as {
    readonly httpListeners: readonly string[];
  };
  const page = await (await fetch(`http://${httpListeners[0]}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
}

async function untilAll(daemons: readonly Running[], name: string, value: number): Promise<void> {
  const end = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const values = await Promise.all(daemons.map((running) => metric(running, name)));
    if (values.every((one) => one === value)) return;
    const tails = daemons.map(({ daemon }) => daemon.tail).join('\n');
    assert.ok(performance.now() < end, `${name} is ${values}, not ${value}\n${tails}`);
    await pause(100);
  }
}

async function startTwo(t: TestContext, sink: number, redis: string): Promise<Running[]> {
  const scratch = makeScratch('redis-two');
  t.after(() => scratch.remove());
  const policy = join(scratch.path, 'policy.ts');
  writeFileSync(policy, policyText(sink, redis));
  const daemons = ['one', 'two'].map((name) => {
    const data = join(scratch.path, name);
    return { daemon: new Daemon(policy, data), data };
  });
  t.after(() => Promise.all(daemons.map(({ daemon }) => daemon.kill())));
  for (const { daemon } of daemons) await daemon.demandPort();
  return daemons;
}

/** Hands all mail to a daemon, as fast as it takes it. */
async function load({ daemon }: Running): Promise<void> {
  let taken = 0;
  const count = (): void => {
    taken += 1;
  };
  const port = async (): Promise<number | undefined> => daemon.port();
  await sendAll(makeProbes(MESSAGES), { lines: 4, port, answered: count });
  assert.equal(taken, MESSAGES);
}

/** Runs a part of the story and says what the sink measured in it. */
const makePhase =
  (t: TestContext, sink: MeasuringSink) =>
  async (name: string, atLeast: number, run: () => Promise<void>): Promise<void> => {
    const [since, before] = [performance.now(), sink.messages.length];
    await run();
    const seconds = (performance.now() - since) / 1_000;
    const came = sink.messages.length - before;
    const above = sink.messagesAbove(MESSAGES_A_S, since);
    const most = sink.connectionsMost(since);
    const speed = `${came} messages in ${seconds.toFixed(1)} s (${(came / seconds).toFixed(1)}/s)`;
    const figures = `${speed}, ${above.toFixed(1)} above the rate, ${most} connections at most`;
    t.diagnostic(`${name}: ${figures}`);
    assert.ok(came >= atLeast, `${name}: ${figures}`);
  };

test('two daemons keep one limit and one rate, with and without Redis', {
  skip: noRedis,
}, async (t) => {
  const sink = new MeasuringSink(70);
  t.after(() => sink.close());
  const server = await RedisServer.start();
  t.after(() => server.dispose());
  const daemons = await startTwo(t, await sink.open(), server.url);
  await untilAll(daemons, 'redis_quotas_available', 1);
  const loading = Promise.all(daemons.map(load));
  loading.catch(() => {});

  const phase = makePhase(t, sink);
  const rest = (): Promise<void> => pause(PHASE_MS);

  await phase('with Redis', 0, async () => {
    await until(() => sink.messages.length > 100, WAIT_MS_MAX);
    await rest();
  });
  await phase('killed', 0, async () => {
    await server.kill();
    await untilAll(daemons, 'redis_quotas_fallbacks_total', 1);
  });
  await phase('without Redis', 100, rest);
  await phase('started again, empty', 0, async () => {
    await server.start();
    await untilAll(daemons, 'redis_quotas_available', 1);
    await pause(1_500);
  });
  await phase('with Redis again', 100, rest);
  await phase('hung', 0, async () => {
    server.hang();
    await untilAll(daemons, 'redis_quotas_fallbacks_total', 2);
  });
  await phase('while it hangs', 100, rest);
  await phase('let go on', 0, async () => {
    server.goOn();
    await untilAll(daemons, 'redis_quotas_available', 1);
    await pause(1_500);
  });
  await phase('restarted at once', 0, async () => {
    await server.kill();
    await server.start();
    await pause(2_500);
  });
  await phase('at the end', 100, rest);
  await loading;

  const above = sink.messagesAbove(MESSAGES_A_S);
  const most = sink.connectionsMost();
  t.diagnostic(
    `in all ${sink.messages.length} messages, ${above.toFixed(1)} above, ${most} at once`,
  );
  assert.ok(most <= CONNECTIONS, `${most} connections at once`);
  assert.ok(above <= BURST + JITTER, `${above} messages above ${MESSAGES_A_S}/s in some span`);
});
