/**
 * Sources that suspend themselves when their proxy is away, with real proxies: Dante (SOCKS5) and
 * HAProxy are killed while 500 messages a second flow. The one idea: the log says who was out and
 * when, the target says by which way each copy came, and the two must agree.
 * Deliberately unknown here: what is said to a proxy (see proxies).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { judgeRun } from './conservation.ts';
import { readLedger, readRows } from './ledger.ts';
import { PolicyWorld, SHAPE } from './policy-world.ts';
import { danteFrom, HAPROXY, ProxyProgram, whyNoProxies } from './proxy-programs.ts';
import { promisedOf } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import { verifyData } from './verify.ts';

const BY_SOCKS = '127.0.0.77';
const BY_HAPROXY = '127.0.0.66';
const FLOW_MS_MAX = 40_000;
const DRAIN_MS_MAX = 60_000;
const COPIES_MIN = 50;
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
  const scratch = makeScratch('proxy-health');
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

  const demandFlow = async (...peers: string[]): Promise<void> => {
    const from = target.copies.length;
    const count = (peer: string): number =>
      target.copies.slice(from).filter((copy) => copy.peer === peer).length;
    const isFlowing = (): boolean => peers.every((peer) => count(peer) >= COPIES_MIN);
    await until(isFlowing, FLOW_MS_MAX);
    assert.ok(
      isFlowing(),
      `${peers.map((peer) => `${peer} ${count(peer)}`)}\n${world.daemon.tail}`,
    );
  };

  test('one is away: its mail goes by the other; it is back: both', async () => {
    await demandFlow(BY_SOCKS, BY_HAPROXY);
    await socks.kill();
    await demandFlow(BY_HAPROXY);
    await socks.run();
    await demandFlow(BY_SOCKS, BY_HAPROXY);
  });

  test('both are away: mail waits; they are back: it goes', async () => {
    await Promise.all([socks.kill(), haproxy.kill()]);
    await pause(BOTH_AWAY_MS);
    await Promise.all([socks.run(), haproxy.run()]);
    await demandFlow(BY_SOCKS, BY_HAPROXY);
  });

  test('all mail came, and the log says who was out, why and for how long', async () => {
    await world.stopSending();
    const arrived = (): Set<number> => new Set(target.copies.map(({ number }) => number));
    const promised = promisedOf(world.answers);
    await until(() => arrived().size >= promised.length, DRAIN_MS_MAX);
    const { code } = await world.daemon.stop();
    assert.equal(code, 0, world.daemon.tail);
    const told = verifyData(world.data);
    assert.equal(told.code, 0, told.text);
    const { answers } = world;
    const ledger = readLedger(world.data);
    const verdict = judgeRun({ answers, copies: target.copies, ledger, shape: SHAPE });
    assert.deepEqual([verdict.breaches, verdict.queued], [[], 0]);
    for (const source of ['socks', 'haproxy']) judgeSource(source);
  });

  const judgeSource = (source: string): void => {
    const changes = readRows(world.data)
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
