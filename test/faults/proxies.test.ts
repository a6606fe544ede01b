/**
 * Mail through real proxies, end to end: 500 messages a second leave by three sources, one behind
 * Dante (SOCKS5) and two behind HAProxy (a header of each version), which are killed and started
 * again meanwhile.
 * The one idea: the target sees from which address each copy came, so it tells by which proxy; and
 * whatever is killed, every message comes. Deliberately unknown here: what is said to a proxy.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readRows } from './ledger.ts';
import { BY_SOCKS, ProxiedWorld } from './proxied-world.ts';
import { whyNoProxies } from './proxy-programs.ts';
import type { Copy } from './target.ts';

const BY_HAPROXY = '127.0.0.66';
const BY_TEXT_HEADER = '127.0.0.67';
const ALL = [BY_SOCKS, BY_HAPROXY, BY_TEXT_HEADER];
const ISSUES = 'All failures are related to proxy connection issues.';
const DANTE_AWAY = new RegExp(`${ISSUES}[^"]*socks5 proxy 127.0.0.1:`);
const HAPROXY_AWAY = new RegExp(`${ISSUES}[^"]*haproxy proxy`);

// HAProxy has a name of several addresses where the machine knows ::1 by it; one of them answers.
const formatSources = (socks: number, haproxy: number): string => `[source."socks"]
ehlo_domain = "socks.example"
source_address = "127.0.0.5"
socks5_proxy_server = "127.0.0.1:${socks}"
socks5_proxy_source_address = "0.0.0.0"
[source."haproxy"]
ehlo_domain = "haproxy.example"
ha_proxy_server = "localhost:${haproxy}"
ha_proxy_source_address = "${BY_HAPROXY}"
[source."text"]
ehlo_domain = "text.example"
ha_proxy_server = "127.0.0.1:${haproxy}"
ha_proxy_source_address = "${BY_TEXT_HEADER}"
ha_proxy_protocol = "v1"
[pool."main"."socks"]
[pool."main"."haproxy"]
[pool."main"."text"]
`;

const skip = whyNoProxies();

describe('mail through real proxies', { skip: skip ?? false }, () => {
  const run = new ProxiedWorld('proxies');
  before(() => run.start(formatSources));
  after(() => run.close());

  test('each source sends through its proxy', () => run.demandFlow(...ALL));

  test('HAProxy is killed: the other goes on; it is back: all', async () => {
    await run.haproxy.kill();
    await run.demandFlow(BY_SOCKS);
    await run.demandDeferral(HAPROXY_AWAY);
    await run.haproxy.run();
    await run.demandFlow(...ALL);
  });

  test('Dante is killed: the other goes on; it is back: all', async () => {
    await run.socks.kill();
    await run.demandFlow(BY_HAPROXY, BY_TEXT_HEADER);
    await run.demandDeferral(DANTE_AWAY);
    await run.socks.run();
    await run.demandFlow(...ALL);
  });

  test('every message came, none in another way, and the log says in which', async () => {
    await run.settle();
    judgeWays(run.copies);
    judgeLog();
  });

  const judgeWays = (copies: readonly Copy[]): void => {
    const heloOf = new Map([
      [BY_SOCKS, 'socks.example'],
      [BY_HAPROXY, 'haproxy.example'],
      [BY_TEXT_HEADER, 'text.example'],
    ]);
    for (const { peer, helo } of copies) assert.equal(helo, heloOf.get(peer), `from ${peer}`);
  };

  const judgeLog = (): void => {
    const rows = readRows(run.world.data).filter(({ type }) => type.startsWith('message.de'));
    const bodies = rows.map(({ body }) => body);
    const tells = (part: RegExp): boolean => bodies.some((body) => part.test(body));
    assert.ok(tells(/"via":"socks5 127\.0\.0\.77:\d+"/), 'the address that Dante told');
    assert.ok(tells(/"via":"haproxy 127\.0\.0\.66:0"/), 'the address that HAProxy was asked for');
  };
});
