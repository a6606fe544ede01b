/**
 * Law: no span of time sees more dials, messages, choices of a source or messages made ready than
 * burst and rate allow, and never are more links open than a limit says, also one that several
 * ready queues share: over crashes, whoever counts, however late he answers. The idea: what leaves
 * is looked at as it is written, and laid over the policy by spans. Deliberately unknown here: how
 * tokens and leases move; that what is due goes soon (see shaping-goes-on).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/domain/prng.ts';
import { intervalMs } from '../../src/domain/throttle.ts';
import { parseThrottle } from '../../src/domain/throttle-spec.ts';
import { CALM, ROUGH } from '../../src/testing/world/chance.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { QuotasKind } from '../../src/testing/world/quotas.ts';
import type { World, WorldKnobs } from '../../src/testing/world/world.ts';
import type { Act } from '../world/acts.ts';
import { fatalActs, quietActs } from '../world/acts.ts';
import { makeWorld, runPlays } from '../world/law.ts';
import type { Seen } from '../world/made-ready.ts';
import { MadeReady, note } from '../world/made-ready.ts';

/** What a kill takes away, ms: the commit that a count on record waited for. A dial has a name. */
const HERE_MS = 30;
/** The same where the answer has to come from elsewhere, and the turn to come round to it. */
const LATE_MS = 250;

/** What a world's policy says of rates and limits; undefined = nothing. */
interface Shape {
  readonly sends: string | undefined;
  readonly shared: string | undefined;
  readonly dials: string | undefined;
  readonly choices: string | undefined;
  readonly allChoices: string | undefined;
  readonly queue: string | undefined;
  readonly crowd: number | undefined;
  readonly few: number | undefined;
}

function shapeOf(seed: number): Shape {
  const { uniform } = createRandom(seed ^ 0x5eed);
  const upto = (most: number): number => 1 + Math.floor(uniform() * most);
  const maybe = <T>(make: () => T): T | undefined => (uniform() < 0.5 ? make() : undefined);
  const rate = (most = 20): string =>
    `${upto(most)}/${upto(20)}s,max_burst=${upto(Math.ceil(most / 3))}`;
  return {
    sends: maybe(() => rate(8)),
    shared: maybe(rate),
    dials: maybe(() => rate(4)),
    choices: maybe(rate),
    allChoices: maybe(rate),
    queue: maybe(rate),
    crowd: maybe(() => upto(4)),
    few: maybe(() => upto(3)),
  };
}

const given = <T>(key: string, value: T | undefined): Record<string, T> =>
  value === undefined ? {} : { [key]: value };

function knobsOf(shape: Shape, quotas: QuotasKind, slowLog = 0): Partial<WorldKnobs> {
  const { sends, shared, dials, choices, allChoices, queue, crowd, few } = shape;
  const plan = makePlan({
    queue: given('max_message_rate', queue),
    path: {
      ...given('max_message_rate', sends),
      ...given('max_connection_rate', dials),
      ...given('source_selection_rate', choices),
      additional_message_rate_throttles: given('all', shared),
      additional_source_selection_rates: given('all', allChoices),
      additional_connection_limits: { ...given('crowd', crowd), ...given('few', few) },
    },
  });
  return { plan, quotas, faults: { ...ROUGH, slowLog } };
}

/** Watches a world; `check` is to be called after each step. */
class Watch {
  readonly sends: Seen = new Map();
  readonly #made: MadeReady;
  readonly #world: World;
  readonly #shape: Shape;

  constructor(world: World, shape: Shape) {
    this.#world = world;
    this.#shape = shape;
    this.#made = new MadeReady(world);
    world.onWrite = (link, bytes) => this.#sees(link, bytes);
    world.onLife = (life) => this.#made.spy(life);
    this.#made.spy(world.life);
  }

  #wayOf(link: number): string {
    const dialled = this.#world.net.dialled[link - 1];
    return `${dialled?.from} > ${dialled?.to}`;
  }

  #sees(link: number, bytes: Buffer): void {
    if (!bytes.subarray(0, 10).equals(Buffer.from('MAIL FROM:'))) return;
    this.#made.mailed(link);
    note(this.sends, this.#wayOf(link), this.#world.now);
  }

  checkLinks(): void {
    const open = this.#world.net.links.size;
    const most = Math.min(this.#shape.crowd ?? open, this.#shape.few ?? open);
    assert.ok(open <= most, `${open} links are open, the limit is ${most}`);
    const perWay = new Map<string, number>();
    for (const { number } of this.#world.net.links) {
      const way = this.#wayOf(number);
      perWay.set(way, (perWay.get(way) ?? 0) + 1);
    }
    for (const [way, count] of perWay) {
      const limit = way.startsWith('192.0.2.1 ') ? 1 : way.startsWith('192.0.2.2 ') ? 12 : 3;
      assert.ok(count <= limit, `${way}: ${count} links, the limit is ${limit}`);
    }
  }

  checkRates(): void {
    const { sends, shared, dials, choices, allChoices, queue } = this.#shape;
    const slackMs = this.#world.quotas.kind === 'here' ? HERE_MS : LATE_MS;
    const dialled: Seen = new Map();
    for (const { at, from, to } of this.#world.net.dialled) note(dialled, `${from} > ${to}`, at);
    // Counted here, a message is counted when its MAIL leaves.
    const isExact = this.#world.quotas.kind === 'here' && this.#world.crashes === 0;
    const sentMs = isExact ? 0 : slackMs;
    checkEach('messages', this.sends, sends, sentMs);
    checkEach('messages of all', merged(this.sends), shared, sentMs);
    checkEach('dials', dialled, dials, slackMs);
    const chosen = this.#made.seenBy('ready');
    checkEach('choices', chosen, choices, slackMs);
    checkEach('choices of all', merged(chosen), allChoices, slackMs);
    checkEach('made ready', this.#made.seenBy('queue'), queue, slackMs);
  }
}

const merged = (seen: Seen): Seen =>
  new Map([['all', [...seen.values()].flat().sort((a, b) => a - b)]]);

/** How often the rates bound: a law whose rates never bind says nothing. */
const bound = new Map<string, number>();

function checkEach(what: string, seen: Seen, text: string | undefined, slackMs: number): void {
  if (text === undefined) return;
  const spec = parseThrottle(text);
  const interval = intervalMs(spec);
  for (const [key, times] of seen) {
    // The bucket of the law itself, a little larger than the one that is watched.
    let usedUntil = Number.NEGATIVE_INFINITY;
    for (const at of times) {
      usedUntil = Math.max(usedUntil, at) + interval;
      const over = usedUntil - at - slackMs - spec.maxBurst * interval;
      assert.ok(over <= 1e-3, `${what}, ${key}: over ${text} at ${at}, by ${over} ms`);
      if (usedUntil - at > (spec.maxBurst - 1) * interval) {
        bound.set(what, (bound.get(what) ?? 0) + 1);
      }
    }
  }
}

const acts = quietActs.map(({ weight, arbitrary }) => ({
  weight,
  // A list of hosts is another site at the same address, with rates of its own.
  arbitrary: arbitrary.map((act: Act) => (act.do === 'edit' ? { ...act, isListed: false } : act)),
}));
const crashes = fatalActs.map(({ weight, arbitrary }) => ({
  weight,
  arbitrary: arbitrary.filter((act) => act.do === 'crash' || act.do === 'freeDisk'),
}));

/** Who counts, and how many commits take seconds. What a kill takes away then may go once more. */
const WORLDS = [
  ['here', 0],
  ['here', 0.02],
  ['here', 0.5],
  ['late', 0],
] as const;

for (const [kind, slowLog] of WORLDS) {
  test(`rates and limits hold on the wire, counted ${kind}, slow log ${slowLog}`, async () => {
    let watch: Watch | undefined;
    await runPlays(
      {
        begin: (world) => {
          watch = new Watch(world, shapeOf(world.seed));
        },
        each: () => watch?.checkLinks(),
        end: async (world) => {
          await world.runFor(60_000, () => watch?.checkLinks());
          watch?.checkRates();
        },
      },
      {
        hasFaults: false,
        hasCrashes: false,
        acts: slowLog > 0 ? acts : [...acts, ...crashes.slice(0, 1)],
        knobs: (seed) => knobsOf(shapeOf(seed), kind, slowLog),
      },
      0.5,
    );
  });
}

/** No rates, no limits. */
const FREE: Shape = {
  sends: undefined,
  shared: undefined,
  dials: undefined,
  choices: undefined,
  allChoices: undefined,
  queue: undefined,
  crowd: undefined,
  few: undefined,
};

test('a flood meets every rate and every limit, and exceeds none', async () => {
  const rates: readonly (keyof Shape)[] = [
    'sends',
    'shared',
    'dials',
    'choices',
    'allChoices',
    'queue',
  ];
  for (const kind of ['here', 'late'] as const) {
    for (const rate of [...rates, 'crowd' as const]) {
      bound.clear();
      const shape = { ...FREE, [rate]: rate === 'crowd' ? 2 : '3/10s,max_burst=2' };
      const world = await makeWorld({ seed: 7, ...knobsOf(shape, kind), faults: CALM }, false);
      const watch = new Watch(world, shape);
      let most = 0;
      for (let count = 0; count < 60; count += 1) {
        world.submit([`u${count}@a.test`, `u${count}@b.test`]);
      }
      await world.runFor(30_000, () => {
        most = Math.max(most, world.net.links.size);
        watch.checkLinks();
      });
      watch.checkRates();
      if (rate === 'crowd') assert.equal(most, 2, 'the limit is met');
      else
        assert.ok(
          [...bound.values()].some((times) => times > 4),
          `${kind}: ${rate} is met`,
        );
    }
  }
});

test('a crash right after what was counted grants nothing anew', async () => {
  for (const kind of ['here', 'late'] as const) {
    for (const rate of ['sends', 'shared', 'dials'] as const) {
      const shape: Shape = { ...FREE, [rate]: '3/60s,max_burst=3' };
      // What dies with the process goes nowhere: here each message is stored.
      const knobs = { ...knobsOf(shape, kind), faults: CALM, deferring: 0 };
      const world = await makeWorld({ seed: 11, ...knobs }, false);
      const watch = new Watch(world, shape);
      for (let count = 0; count < 40; count += 1) world.submit([`u${count}@a.test`]);
      const countNow = (): number =>
        rate === 'dials' ? world.net.dialled.length : (merged(watch.sends).get('all')?.length ?? 0);
      for (let crash = 0; crash < 12; crash += 1) {
        const before = countNow();
        for (let steps = 0; steps < 20_000 && countNow() === before; steps += 1) world.step();
        await world.crash();
      }
      await world.runFor(60_000);
      assert.ok(countNow() >= 12, `${kind}, ${rate}: ${countNow()}`);
      watch.checkRates();
    }
  }
});
