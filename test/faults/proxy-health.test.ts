/**
 * Sources that suspend themselves when their proxy is away, with real proxies: Dante (SOCKS5) and
 * HAProxy are killed while 500 messages a second flow. The one idea: the log says who was out and
 * when, the target says by which way each copy came, and the two must agree.
 * Deliberately unknown here: what is said to a proxy (see proxies).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readRows } from './ledger.ts';
import { BY_SOCKS, ProxiedWorld } from './proxied-world.ts';
import { whyNoProxies } from './proxy-programs.ts';
import { pause } from './scratch.ts';

const BY_HAPROXY = '127.0.0.66';
/** How long each source stays out, as the files say, ms. */
const OUT_MS = 3_000;
const RULE = 'suspend_when_proxy_unhealthy = { duration = "3s" }';
const BOTH_AWAY_MS = 1_500;

const formatSources = (socks: number, haproxy: number): string => `[source."socks"]
socks5_proxy_server = "127.0.0.1:${socks}"
socks5_proxy_source_address = "0.0.0.0"
${RULE}
[source."haproxy"]
ha_proxy_server = "127.0.0.1:${haproxy}"
ha_proxy_source_address = "${BY_HAPROXY}"
${RULE}
[pool."main"."socks"]
[pool."main"."haproxy"]
`;

interface Change {
  readonly type: string;
  readonly at: number;
  readonly until?: number;
  readonly reason?: string;
}

const skip = whyNoProxies();

describe('sources whose proxy is away', { skip: skip ?? false }, () => {
  const run = new ProxiedWorld('proxy-health');
  before(() => run.start(formatSources));
  after(() => run.close());

  test('one is away: its mail goes by the other; it is back: both', async () => {
    await run.demandFlow(BY_SOCKS, BY_HAPROXY);
    await run.socks.kill();
    await run.demandFlow(BY_HAPROXY);
    await run.socks.run();
    await run.demandFlow(BY_SOCKS, BY_HAPROXY);
  });

  test('both are away: mail waits; they are back: it goes', async () => {
    await Promise.all([run.socks.kill(), run.haproxy.kill()]);
    await pause(BOTH_AWAY_MS);
    await Promise.all([run.socks.run(), run.haproxy.run()]);
    await run.demandFlow(BY_SOCKS, BY_HAPROXY);
  });

  test('all mail came, and the log says who was out, why and for how long', async () => {
    await run.settle();
    for (const source of ['socks', 'haproxy']) judgeSource(source);
  });

  const judgeSource = (source: string): void => {
    const changes = readRows(run.world.data)
      .filter(({ stream, type }) => stream === source && /^source\.(susp|resum)/.test(type))
      .map(({ type, at, body }): Change => ({ ...JSON.parse(body), type, at }));
    const suspensions = changes.filter(({ type }) => type === 'source.suspended');
    assert.ok(suspensions.length > 0, `${source} was out`);
    assert.ok(changes.length > suspensions.length, `${source} came back`);
    for (const { at, until: end = 0, reason } of suspensions) {
      assert.equal(reason, 'ProxyUnhealthy');
      // The turn's own time, give or take what the turn waited.
      assert.ok(Math.abs(end - at - OUT_MS) < 1_000, `out for ${end - at} ms`);
    }
  };
});
