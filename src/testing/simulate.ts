/**
 * A policy in a simulated world: the production engine, its charts and the policy's own handlers
 * under a virtual clock, with a network, names and disks that a scenario makes misbehave. The one
 * idea: policy, scenario and seed are all there is; they give the same run, byte for byte.
 * Not simulated: reports of failure to senders, Redis, TLS beyond its word, code of a policy's own
 * sinks.
 */
import { domainOf } from '../domain/address.ts';
import type { Policy } from '../policy/define.ts';
import type { Stage } from './acting.ts';
import { act, calm } from './acting.ts';
import { Door } from './door.ts';
import { HttpDoor } from './http-door.ts';
import { whileSimulated } from './lending.ts';
import { makeBytes, settleInjected, settleSent } from './letter.ts';
import type { TestPolicy } from './load-policy.ts';
import { asTestPolicy } from './load-policy.ts';
import type { ProviderModels } from './models/model.ts';
import type { PlacedNames } from './models/placing.ts';
import { domainsOf } from './names.ts';
import { seenOf, tapMail } from './observing.ts';
import { mendName, populate } from './receivers.ts';
import type { Happening, MailCommand, Sent } from './result.ts';
import { Result } from './result.ts';
import type { Scenario, SendStep, Step } from './scenario.ts';
import type { Hooks } from './sinks/hooks.ts';
import { Reached, watchPolicy } from './watching.ts';
import { CALM } from './world/chance.ts';
import { makePlan } from './world/policy.ts';
import { World } from './world/world.ts';

/** What a simulation may be told besides. */
export interface SimulateOptions {
  readonly seed?: number | undefined;
  /** Versions that 'edit' steps put in force. */
  readonly versions?: readonly (Policy | TestPolicy)[] | undefined;
  /** Receivers behave by these, until a step or the end of all faults has them do otherwise. */
  readonly models?: ProviderModels | undefined;
  /** Counts what was reached, over several simulations. */
  readonly reached?: Reached | undefined;
}

const DAY_MS = 86_400_000;
const SETTLE_MS_MAX = 7 * DAY_MS;
const SLICE_MS = 60_000;
/** Beyond max_age: what an attempt in flight may still take. */
const GRACE_MS = 120_000;
/** Slower housekeeping than usual: a day without mail should cost little. */
const LIMITS = { reapMs: 60_000 };

/** Simulates; see `Scenario` for what happens. Throws where the engine itself breaks. */
export async function simulate(
  policy: Policy | TestPolicy,
  scenario: Scenario,
  options: SimulateOptions = {},
): Promise<Result> {
  const given = asTestPolicy(policy);
  const { seed = 1 } = options;
  const versions = options.versions?.map(asTestPolicy);
  const start = () => Run.start(given, scenario, { ...options, versions, seed });
  return whileSimulated(seed, start, async (run) => {
    await run.play();
    return run.result();
  });
}

class Run {
  readonly world: World;
  readonly #policy: TestPolicy;
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #reached: Reached;
  readonly #domains: readonly string[];
  readonly #door: Door;
  readonly #httpDoor: HttpDoor;
  readonly #stage: Stage;
  readonly #steps: { at: number; step: Step }[] = [];
  readonly #sent: Sent[] = [];
  readonly #mailed: readonly MailCommand[];
  readonly #waiting = new Map<string, string>();
  #calmAt: number | undefined;
  #placed: PlacedNames = new Map();

  private constructor(
    world: World,
    [policy, scenario, domains]: readonly [TestPolicy, Scenario, readonly string[]],
    options: SimulateOptions & { readonly seed: number },
    reached: Reached,
  ) {
    this.world = world;
    this.#policy = policy;
    this.#scenario = scenario;
    this.#domains = domains;
    this.#seed = options.seed;
    this.#reached = reached;
    this.#door = new Door(world, policy.setup.smtpListeners);
    this.#httpDoor = new HttpDoor(world, policy.setup.httpListeners);
    const versions = [policy, ...(options.versions ?? []).map(asTestPolicy)];
    this.#stage = {
      world,
      policies: versions.map((one) => watchPolicy(one.policy, reached)),
      setups: versions,
      send: (step) => this.#send(step, false),
      flapping: new Map(),
      mendName: (domain) => mendName(world, policy.words, domain, this.#placed),
    };
    this.#mailed = tapMail(world);
  }

  static async start(
    policy: TestPolicy,
    scenario: Scenario,
    options: SimulateOptions & { readonly seed: number },
  ): Promise<Run> {
    const { faults } = scenario;
    const reached = options.reached ?? new Reached();
    const { setup, findPlace } = policy;
    const own = { policy: watchPolicy(policy.policy, reached), findPlace };
    const versions = [policy, ...(options.versions ?? []).map(asTestPolicy)];
    const hasHooks = versions.some((one) => one.setup.logHooks.length > 0);
    const world = await World.start({
      seed: options.seed,
      limits: LIMITS,
      plan: { ...makePlan(), own },
      manners: {},
      ...(hasHooks ? { hooks: { ...own, setup } } : {}),
      ...(faults === undefined ? {} : { faults: { ...CALM, ...faults } }),
    });
    const domains = domainsIn(policy, scenario);
    const run = new Run(world, [policy, scenario, domains], options, reached);
    run.#placed = populate(world, policy.words, domains, options.models);
    await world.runFor(100);
    return run;
  }

  async play(): Promise<void> {
    const { world } = this;
    for (const step of this.#scenario.steps) {
      this.#steps.push({ at: world.now, step });
      await act(this.#stage, step);
    }
    if (this.#scenario.settles !== false) await this.#settle();
    this.#explain();
  }

  async #settle(): Promise<void> {
    const { world } = this;
    calm(this.#stage, this.#domains);
    // A step of its own: what was under way when the faults ended may still fail of them.
    await world.runFor(SLICE_MS);
    this.#calmAt = world.now;
    const probes = this.#scenario.steps.filter((step): step is SendStep => step.do === 'send');
    for (const probe of probes) await this.#send({ ...probe, count: 1 }, true);
    const beganAt = world.now;
    // Asked each time: the queues may have been let go, and come anew with this mail.
    const isOver = (): boolean =>
      world.now >= beganAt + Math.min(this.#ageMax(), SETTLE_MS_MAX) + GRACE_MS;
    const hasMail = (): boolean => world.engine.core.books.rows.count > 0;
    await world.runFor(1_000);
    while (hasMail() && !isOver()) await world.runFor(SLICE_MS);
    // What the last turn decided is on record only once it is durable.
    await world.runFor(SLICE_MS);
    if (world.hooks !== undefined) await this.#catchUp(world.hooks);
  }

  /** Log hooks get their time, too. */
  async #catchUp(hooks: Hooks): Promise<void> {
    const { world } = this;
    const upto = world.store.records.length;
    const endAt = world.now + SETTLE_MS_MAX;
    while (!hooks.isThrough(upto) && world.now < endAt) {
      // One that was in the middle of something may yet have stopped itself.
      hooks.tend();
      await world.runFor(SLICE_MS);
    }
    hooks.expect(upto);
  }

  /** The longest that any queue keeps mail, as the policy answered so far. */
  #ageMax(): number {
    const { answers, queues } = this.world.engine.core.books;
    let most = 0;
    for (const queue of queues) {
      if (queue === undefined) continue;
      const { answer } = queue;
      const { max_age } = JSON.parse(answers.get(answer) ?? '{}') as { max_age?: number };
      most = Math.max(most, max_age ?? 0);
    }
    return most;
  }

  #explain(): void {
    const { world } = this;
    const { queues } = world.engine.core.books;
    for (const queue of queues) {
      if (queue === undefined) continue;
      const { name } = queue;
      const why = world.engine.explain({ kind: 'queue', name });
      const text = typeof why === 'string' ? why : (why.reasons[0]?.text ?? why.state);
      this.#waiting.set(name, text);
    }
  }

  async #send(step: SendStep, isProbe: boolean): Promise<void> {
    const { world } = this;
    for (let left = step.count ?? 1; left > 0; left -= 1) {
      const from = step.from ?? 'sender@here.test';
      const sent: Sent = {
        mark: `m${this.#sent.length}`,
        at: world.now,
        from,
        to: step.to,
        isProbe,
        answeredAt: undefined,
        code: undefined,
        text: '',
        ids: [],
      };
      this.#sent.push(sent);
      const { tenant, campaign } = step;
      const meta = {
        ...(tenant === undefined ? {} : { tenant }),
        ...(campaign === undefined ? {} : { campaign }),
      };
      const letter = { from, to: step.to, meta, bytes: makeBytes(step, sent) };
      if (step.by === 'http') {
        await this.#httpDoor.submit(letter, (told) => settleInjected(sent, told, world.now));
      } else await this.#door.submit(letter, (told) => settleSent(sent, told, world.now));
    }
  }

  result(): Result {
    const { world } = this;
    const seen = seenOf(world);
    noteUse(seen.events, this.#reached);
    return new Result({
      ...seen,
      seed: this.#seed,
      scenario: this.#scenario,
      policy: this.#policy,
      steps: this.#steps,
      calmAt: this.#calmAt,
      sent: this.#sent,
      mailed: this.#mailed,
      waiting: this.#waiting,
      reached: this.#reached,
    });
  }
}

/** Counts the sources that mail was offered over, and the pools that they were chosen from. */
function noteUse(events: readonly Happening[], reached: Reached): void {
  for (const { type, body } of events) {
    if (type === 'message.offered') Reached.note(reached.sources, String(body['source']));
    else if (typeof body['pool'] === 'string' && type.startsWith('message.')) {
      Reached.note(reached.pools, body['pool']);
    }
  }
}

/** All domains that mail may go to. */
function domainsIn(policy: TestPolicy, { steps, domains = [] }: Scenario): readonly string[] {
  const named = steps.flatMap((step) => {
    if (step.do === 'send') return step.to.map(domainOf);
    return step.do === 'receiver' || step.do === 'dns' ? [step.domain] : [];
  });
  return [...new Set([...domainsOf(policy.words), ...domains, ...named])];
}
