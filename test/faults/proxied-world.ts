/**
 * The world of the runs with real proxies: a daemon, a target, Dante and HAProxy, and 500 messages
 * a second while the proxies are killed and started again. The one idea: the target sees from which
 * address each copy came, so it tells by which proxy.
 * Deliberately unknown here: sources and their rules, and what a run concludes.
 */
import assert from 'node:assert/strict';
import { judgeRun } from './conservation.ts';
import { readLedger, readRows } from './ledger.ts';
import { PolicyWorld, SHAPE } from './policy-world.ts';
import { danteFrom, HAPROXY, ProxyProgram } from './proxy-programs.ts';
import { promisedOf } from './scenario.ts';
import { makeScratch, pause, until } from './scratch.ts';
import type { Copy } from './target.ts';
import { verifyData } from './verify.ts';

/** The address that Dante sends from. */
export const BY_SOCKS = '127.0.0.77';
const FLOW_MS_MAX = 40_000;
const DRAIN_MS_MAX = 60_000;
const COPIES_MIN = 50;
/** The log is read whole at each look. */
const LOOK_MS = 500;

/** Everything of such a run, started. */
export class ProxiedWorld {
  readonly #scratch;
  readonly world: PolicyWorld;
  #socks: ProxyProgram | undefined;
  #haproxy: ProxyProgram | undefined;

  constructor(name: string) {
    this.#scratch = makeScratch(name);
    this.world = new PolicyWorld(this.#scratch.path);
  }

  get socks(): ProxyProgram {
    return demand(this.#socks);
  }

  get haproxy(): ProxyProgram {
    return demand(this.#haproxy);
  }

  get copies(): readonly Copy[] {
    return this.world.targets[0].copies;
  }

  /** Starts all; `formatSources` makes the file of sources for the ports of Dante and HAProxy. */
  async start(formatSources: (socks: number, haproxy: number) => string): Promise<void> {
    const { world } = this;
    await world.prepare();
    this.#socks = await ProxyProgram.start(danteFrom(BY_SOCKS), this.#scratch.path);
    this.#haproxy = await ProxyProgram.start(HAPROXY, this.#scratch.path);
    world.edit('sources.toml', formatSources(this.socks.port, this.haproxy.port));
    await world.start().demandPort();
    world.startSending();
  }

  async close(): Promise<void> {
    await this.world.close();
    await this.#socks?.kill();
    await this.#haproxy?.kill();
    this.#scratch.remove();
  }

  /** Waits for new copies by way of each of the addresses. */
  async demandFlow(...peers: string[]): Promise<void> {
    const from = this.copies.length;
    const count = (peer: string): number =>
      this.copies.slice(from).filter((copy) => copy.peer === peer).length;
    const isFlowing = (): boolean => peers.every((peer) => count(peer) >= COPIES_MIN);
    await until(isFlowing, FLOW_MS_MAX);
    const told = peers.map((peer) => `${peer} ${count(peer)}`).join();
    const tails = [this.world.daemon.tail, this.socks.tail, this.haproxy.tail];
    assert.ok(isFlowing(), [told, ...tails].join('\n'));
  }

  /** Waits until the log tells of messages put off in this way. */
  async demandDeferral(part: RegExp): Promise<void> {
    const isTold = (): boolean =>
      readRows(this.world.data).some(
        (row) => row.type === 'message.deferred' && part.test(row.body),
      );
    const end = performance.now() + FLOW_MS_MAX;
    while (!isTold()) {
      assert.ok(performance.now() < end, `nothing was put off with ${part}`);
      await pause(LOOK_MS);
    }
  }

  /** Ends the sending; every message promised comes, and the log agrees with the target. */
  async settle(): Promise<void> {
    const { world } = this;
    await world.stopSending();
    const arrived = (): Set<number> => new Set(this.copies.map(({ number }) => number));
    const promised = promisedOf(world.answers);
    await until(() => arrived().size >= promised.length, DRAIN_MS_MAX);
    const { code } = await world.daemon.stop();
    assert.equal(code, 0, world.daemon.tail);
    const told = verifyData(world.data);
    assert.equal(told.code, 0, told.text);
    const { answers } = world;
    const { copies } = this;
    const verdict = judgeRun({ answers, copies, ledger: readLedger(world.data), shape: SHAPE });
    assert.deepEqual([verdict.breaches, verdict.queued], [[], 0]);
  }
}

function demand(proxy: ProxyProgram | undefined): ProxyProgram {
  if (proxy === undefined) throw new Error('the proxies were not started');
  return proxy;
}
