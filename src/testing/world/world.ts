/**
 * The seeded world: time, names, exchangers, disks, and one engine of production code in their
 * midst. The one idea: a seed and a list of calls give the same run, step by step; a crash throws
 * away all that is in memory and a new life starts from what is durable. It records what it saw,
 * and judges nothing: that is for the laws.
 */
import type { Command } from '../../actors/input.ts';
import type { CaptureList } from '../../domain/capture.ts';
import { withOwnHeaders } from '../../domain/capture.ts';
import type { Limits } from '../../domain/limits.ts';
import { createMemoryStore } from '../../events/memory-log.ts';
import type { DeferringBodies } from '../../ports/deferred-bodies.ts';
import type { Quotas } from '../../ports/quotas.ts';
import type { MemoryBodies } from '../memory-bodies.ts';
import { createMemoryBodies } from '../memory-bodies.ts';
import type { HooksParts } from '../sinks/hooks.ts';
import { Hooks } from '../sinks/hooks.ts';
import { CALM, Chance } from './chance.ts';
import { WorldTime } from './clock.ts';
import { WorldDisk } from './disk.ts';
import type { Dot } from './dots.ts';
import { DotTap, MARK } from './dots.ts';
import type { Copy, Manner } from './exchanger.ts';
import { Exchanger } from './exchanger.ts';
import type { LogReader, Wish, WorldKnobs } from './knobs.ts';
import type { Mail, Timing } from './mail.ts';
import type { Host } from './network.ts';
import { Internet } from './network.ts';
import { Policies } from './policies.ts';
import type { PolicyPlan } from './policy.ts';
import { makePlan } from './policy.ts';
import type { Life } from './process.ts';
import { startLife, UNWRITABLE } from './process.ts';
import { WorldPromises } from './promises.ts';
import type { QuotasKind } from './quotas.ts';
import { createServer } from './quotas.ts';
import { addressOf, Zone } from './resolver.ts';
import { DEFER_SEED, openSpool } from './spool.ts';
import { submitTo } from './submitting.ts';
import { Witness } from './witness.ts';

export type { Wish, WorldKnobs } from './knobs.ts';
export type { Mail } from './mail.ts';

/** 2026-01-01, like any other day. */
export const START_AT = 1_767_225_600_000;

/** A world; `start` makes one. */
export class World {
  readonly time = new WorldTime(START_AT);
  readonly seed: number;
  readonly chance: Chance;
  readonly net: Internet;
  readonly zone = new Zone();
  readonly plan: PolicyPlan;
  readonly store = createMemoryStore();
  /** What is on the disk; the engine sees it through `spool`. */
  readonly bodies: MemoryBodies;
  readonly disk: WorldDisk;
  /** The bodies as this process sees them: some may be in its memory only. */
  spool!: DeferringBodies;
  readonly promises = new WorldPromises();
  /** Log hooks and their sinks; undefined in a world without. */
  readonly hooks: Hooks | undefined;
  readonly witness = new Witness();
  readonly mails = new Map<string, Mail>();
  readonly wishes: Wish[] = [];
  /** What the engine told its operator, where no reader hears it. */
  readonly said: string[] = [];
  readonly limits: Partial<Limits>;
  readonly #reader: LogReader;
  readonly #isLean: boolean;
  readonly #capture: CaptureList | undefined;
  readonly #deferring: number;
  /** Its own, so that a world without deferred bodies is what it was. */
  readonly #deferChance: Chance;
  /** Who counts rates and limits; may be changed between two lives. */
  readonly quotas: { kind: QuotasKind; readonly server: Quotas };
  /** Called at the moment of each promise to the outside; laws listen here. */
  onAnswer: (mail: Mail) => void = () => {};
  onCommanded: (wish: Wish) => void = () => {};
  onDot: (dot: Dot) => void = () => {};
  /** Called with what the engine writes, by the number of the link. */
  onWrite: (link: number, bytes: Buffer) => void = () => {};
  /** Called with each new process, before its first turn. */
  onLife: (life: Life) => void = () => {};
  life!: Life;
  readonly policies: Policies;
  crashes = 0;
  #hosts = 0;

  private constructor(knobs: WorldKnobs) {
    this.seed = knobs.seed;
    this.chance = new Chance(knobs.seed);
    this.#isLean = knobs.reader !== undefined;
    this.#reader = knobs.reader ?? this.witness;
    this.net = new Internet(this.time, this.chance, knobs.faults ?? CALM, this.#isLean);
    this.plan = knobs.plan ?? makePlan();
    this.policies = new Policies(this.plan, knobs.handlers);
    this.quotas = { kind: knobs.quotas ?? 'here', server: createServer(this.time) };
    this.hooks = knobs.hooks && new Hooks(this.#hooksParts(), knobs.hooks);
    this.#capture = this.hooks ? withOwnHeaders(this.hooks.capture) : knobs.capture;
    this.#deferring = knobs.deferring ?? 0;
    this.#deferChance = new Chance(knobs.seed ^ DEFER_SEED);
    this.limits = { reapMs: 5_000, ...knobs.limits };
    const soon = (task: () => void) => this.time.after(this.chance.between(0, 3), task);
    this.bodies = createMemoryBodies(soon);
    this.disk = new WorldDisk(this.bodies);
    for (const [domain, manner] of Object.entries(knobs.manners ?? { 'a.test': () => undefined })) {
      this.addDomain(domain, manner);
    }
    this.store.records.push(...(knobs.past ?? []));
    this.#tapNew();
  }

  /** A world with a running engine. */
  static async start(knobs: WorldKnobs): Promise<World> {
    const world = new World(knobs);
    await world.#begin();
    return world;
  }

  get engine(): Life['engine'] {
    return this.life.engine;
  }

  get now(): number {
    return this.time.now;
  }

  /** A domain with one exchanger of its own. */
  addDomain(domain: string, manner: Manner, offers?: readonly string[]): Host {
    this.#hosts += 1;
    const host = `mx.${domain}`;
    const address = addressOf(this.#hosts);
    this.zone.mx.set(domain, [{ preference: 10, exchange: host }]);
    this.zone.addresses.set(host, [address]);
    const exchanger = new Exchanger(host, manner, offers);
    return this.net.addHost(address, exchanger);
  }

  /** The exchanger of a domain. */
  hostOf(domain: string): Host {
    const address = this.zone.addresses.get(`mx.${domain}`)?.[0] ?? '';
    return this.net.hosts.get(address) as Host;
  }

  /** Every copy that any exchanger kept, by the mark of its body. */
  copiesOf(mark: string): Copy[] {
    const all = [...this.net.hosts.values()].flatMap(({ exchanger }) => exchanger.copies);
    return all.filter(({ body }) => MARK.exec(body)?.[1] === mark);
  }

  /** Submits as an intake does: body first, then the envelope; undefined while closed. */
  submit(to: readonly string[], bytes = 200, timing: Timing = {}): Mail | undefined {
    const mayDefer = () => this.#deferChance.hits(this.#deferring);
    return submitTo(this, { to, bytes, timing, mayDefer });
  }

  /** Wishes something of the engine. */
  command(command: Command): Wish {
    const wish: Wish = { command, wishedAt: this.now, answeredAt: undefined, refusal: undefined };
    this.wishes.push(wish);
    this.engine.command(command, (refusal) => {
      wish.answeredAt = this.now;
      wish.refusal = refusal;
      this.onCommanded(wish);
    });
    return wish;
  }

  /** The engine, or what stands before it, tells its operator something. */
  say(text: string): void {
    if (this.#reader.hear !== undefined) this.#reader.hear(text);
    else this.said.push(text);
  }

  /** Jumps to the next due thing and lets it happen; false when nothing is due ever. */
  step(): boolean {
    const isMore = this.time.step();
    this.#reader.read(this.store);
    return isMore;
  }

  /** Steps until `at`, starting anew where the engine ended itself; time is `at` afterwards. */
  async run(at: number, each: () => void = () => {}): Promise<void> {
    while (this.time.nextDueAt() <= at) {
      this.step();
      const rest = this.rest();
      if (rest !== undefined) await rest;
      each();
      if (this.life.isFatal) await this.crash();
    }
    this.time.now = Math.max(this.time.now, at);
  }

  /** To be awaited after a step; undefined where nothing answers by promise just now. */
  rest(): Promise<void> | undefined {
    const [ours, theirs] = [this.promises.rest(), this.hooks?.rest()];
    return ours === undefined || theirs === undefined ? (ours ?? theirs) : ours.then(() => theirs);
  }

  async runFor(ms: number, each?: () => void): Promise<void> {
    await this.run(this.now + ms, each);
  }

  /** Makes the plan as it is now a version of its own, and puts it in force. */
  usePolicy(done: () => void = () => {}): void {
    this.policies.use(this.plan, this.engine, done);
  }

  /** Has the engine ask the version in force anew. */
  bumpEpoch(done: () => void = () => {}): void {
    this.policies.bump(this.engine, done);
  }

  /** The process dies here, perhaps with the power; a new one starts from what is durable. */
  async crash(): Promise<void> {
    this.crashes += 1;
    const { life } = this;
    life.clock.end();
    this.hooks?.crash();
    life.log.losePower();
    this.disk.logFreed(this.now);
    this.net.cutAll();
    this.bodies.losePower(() => this.chance.hits(0.5));
    this.#tapNew();
    await this.#begin();
  }

  /** The next commit fails; whether it was kept nobody knows. */
  failLog(isKept: boolean): void {
    this.life.log.failNext(UNWRITABLE, isKept);
  }

  /** From now on the world is kind: no faults, and every exchanger takes everything. */
  calm(): void {
    this.net.faults = CALM;
    this.net.broken.from.clear();
    this.disk.free(this.life.log, this.now);
    this.plan.failing = undefined;
    this.hooks?.calm();
    for (const host of this.net.hosts.values()) {
      host.answers = 'open';
      host.exchanger.manner = () => undefined;
    }
  }

  #hooksParts(): HooksParts {
    const { time, store, seed } = this;
    return {
      ...{ time, store, seed, isDiskFull: () => this.disk.isFull },
      say: (text) => this.say(text),
      faulted: (fault) => this.engine.policyFaulted(fault),
    };
  }

  #tapNew(): void {
    if (this.#isLean) return;
    const tap = new DotTap((dot) => this.onDot(dot));
    this.net.tap = (link, bytes) => {
      this.onWrite(link, bytes);
      tap.see(link, bytes);
    };
  }

  async #begin(): Promise<void> {
    const { time, chance, net, zone, store, limits } = this;
    const born = this.crashes;
    const bodies = openSpool(this, () => born === this.crashes);
    this.hooks?.begin();
    this.spool = bodies;
    this.life = await startLife({
      time,
      chance,
      net,
      zone,
      policy: this.policies.inForce,
      store,
      bodies,
      limits,
      capture: this.#capture,
      quotas: this.quotas,
      faultsNow: () => net.faults,
      said: (text) => this.say(text),
      opened: () => this.hooks?.opened(),
    });
    this.onLife(this.life);
  }
}
