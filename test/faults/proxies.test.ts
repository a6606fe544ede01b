/**
 * Mail through real proxies, end to end: 500 messages a second leave by three sources, one behind
 * Dante (SOCKS5) and two behind HAProxy (a header of each version), which are killed and started
 * again meanwhile.
 * The one idea: the target sees from which address each copy came, so it tells by which proxy; and
 * whatever is killed, every message comes. Deliberately unknown here: what is said to a proxy.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { judgeRun } from './conservation.ts';
import { readLedger, readRows } from './ledger.ts';
import { PolicyWorld, SHAPE } from './policy-world.ts';
import { danteFrom, HAPROXY, ProxyProgram, whyNoProxies } from './proxy-programs.ts';
import { promisedOf } from './scenario.ts';
import { makeScratch, until } from './scratch.ts';
import type { Copy } from './target.ts';
import { verifyData } from './verify.ts';

const BY_SOCKS = '127.0.0.77';
const BY_HAPROXY = '127.0.0.66';
const BY_TEXT_HEADER = '127.0.0.67';
const ALL = [BY_SOCKS, BY_HAPROXY, BY_TEXT_HEADER];
const FLOW_MS_MAX = 40_000;
const DRAIN_MS_MAX = 60_000;
const COPIES_MIN = 50;

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
  const scratch = makeScratch('proxies');
  const world = new PolicyWorld(scratch.path);
  const [target] = world.targets;
  let socks: ProxyProgram;
  let haproxy: ProxyProgram;

  before(async () => {
    await world.prepare();
    socks = await ProxyProgram.start(danteFrom(BY_SOCKS), scratch.path);
    haproxy = await ProxyProgram.start(HAPROXY, scratch.path);
    world.edit('sources.toml', formatSources(socks.port, haproxy.port));
    await world.start().demandPort();
    world.startSending();
  });
  after(async () => {
    await world.close();
    await socks?.kill();
    await haproxy?.kill();
    scratch.remove();
  });

  /** Waits for new copies by way of each of the addresses. */
  const demandFlow = async (...peers: string[]): Promise<void> => {
    const from = target.copies.length;
    const count = (peer: string): number =>
      target.copies.slice(from).filter((copy) => copy.peer === peer).length;
    const isFlowing = (): boolean => peers.every((peer) => count(peer) >= COPIES_MIN);
    await until(isFlowing, FLOW_MS_MAX);
    const told = peers.map((peer) => `${peer} ${count(peer)}`).join();
    assert.ok(isFlowing(), `${told}\n${world.daemon.tail}\n${socks.tail}\n${haproxy.tail}`);
  };

  test('each source sends through its proxy', () => demandFlow(...ALL));

  test('HAProxy is killed: the other goes on; it is back: all', async () => {
    await haproxy.kill();
    await demandFlow(BY_SOCKS);
    await haproxy.run();
    await demandFlow(...ALL);
  });

  test('Dante is killed: the other goes on; it is back: all', async () => {
    await socks.kill();
    await demandFlow(BY_HAPROXY, BY_TEXT_HEADER);
    await socks.run();
    await demandFlow(...ALL);
  });

  test('every message came, none in another way, and the log says in which', async () => {
    await world.stopSending();
    const arrived = (): Set<number> => new Set(target.copies.map(({ number }) => number));
    const promised = promisedOf(world.answers);
    await until(() => arrived().size >= promised.length, DRAIN_MS_MAX);
    const { code } = await world.daemon.stop();
    assert.equal(code, 0, world.daemon.tail);
    const told = verifyData(world.data);
    assert.equal(told.code, 0, told.text);
    const { answers } = world;
    const { copies } = target;
    const verdict = judgeRun({ answers, copies, ledger: readLedger(world.data), shape: SHAPE });
    assert.deepEqual([verdict.breaches, verdict.queued], [[], 0]);
    judgeWays(copies);
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
    const rows = readRows(world.data).filter(({ type }) => type.startsWith('message.de'));
    const bodies = rows.map(({ body }) => body);
    const tells = (part: RegExp): boolean => bodies.some((body) => part.test(body));
    assert.ok(tells(/"via":"socks5 127\.0\.0\.77:\d+"/), 'the address that Dante told');
    assert.ok(tells(/"via":"haproxy 127\.0\.0\.66:0"/), 'the address that HAProxy was asked for');
    const online = 'All failures are related to proxy connection issues.';
    assert.ok(tells(new RegExp(`${online}[^"]*socks5 proxy 127.0.0.1:`)), 'Dante was away');
    assert.ok(tells(new RegExp(`${online}[^"]*haproxy proxy`)), 'HAProxy was away');
  };
});
