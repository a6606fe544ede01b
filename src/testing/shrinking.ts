/**
 * How a scenario that breaks a law is made smaller. The one idea: whole halves of its steps go
 * before single ones, single ones before values, and a value becomes one of a few round ones
 * instead of being halved to the last millisecond: a run costs the same whatever it teaches, and a
 * reader wants 'a minute', not 65.537 s. Deliberately unknown here: policies, worlds and laws.
 */
import fc from 'fast-check';
import type { Scenario, SendStep, Step } from './scenario.ts';

/** Where the attempts go on after one that helped: what did not help before is not tried again. */
interface Place {
  readonly pass: number;
  readonly slot: number;
  /** Whether anything helped since the passes were last begun from the front. */
  readonly hasHelped: boolean;
}

/** In each of its slots a pass has attempts, best first; what one slot takes away others keep. */
interface Pass {
  readonly slots: (scenario: Scenario) => number;
  readonly tries: (scenario: Scenario, slot: number) => readonly Scenario[];
  /** The slot after one that helped: the same, where what follows has moved up into its place. */
  readonly next: (slot: number) => number;
}

/** Spans that read well, ms. */
const SPANS = [500, 5_000, 60_000, 300_000, 3_600_000];
const COUNTS = [2, 5, 10, 20];

const withSteps = (scenario: Scenario, steps: readonly Step[]): Scenario => ({
  ...scenario,
  steps,
});

/** Steps go in chunks, the last first: what came after the breach is of no use. */
const without = (sizeOf: (steps: number) => number): Pass => ({
  slots: ({ steps }) => {
    const size = sizeOf(steps.length);
    return size === 0 ? 0 : Math.ceil(steps.length / size);
  },
  tries: (scenario, slot) => {
    const { steps } = scenario;
    const end = steps.length - slot * sizeOf(steps.length);
    const begin = Math.max(0, end - sizeOf(steps.length));
    return [withSteps(scenario, [...steps.slice(0, begin), ...steps.slice(end)])];
  },
  next: (slot) => slot,
});

const halves = without((steps) => (steps < 4 ? 0 : Math.ceil(steps / 2)));
const quarters = without((steps) => (steps < 8 ? 0 : Math.ceil(steps / 4)));
const pairs = without((steps) => (steps < 4 ? 0 : 2));
const singles = without((steps) => (steps === 0 ? 0 : 1));

/** The network's own faults: all at once, then kind by kind. */
const faults: Pass = {
  slots: ({ faults: kinds }) => (kinds === undefined ? 0 : 1 + Object.keys(kinds).length),
  tries: (scenario, slot) => {
    const { faults: kinds = {}, ...rest } = scenario;
    const names = Object.keys(kinds);
    if (slot === 0) return [rest];
    if (names.length < 2) return [];
    const kept = Object.entries(kinds).filter(([name]) => name !== names[slot - 1]);
    return [{ ...rest, faults: Object.fromEntries(kept) }];
  },
  next: (slot) => slot,
};

type Simpler = (step: Step) => readonly Step[];

const dropping =
  (key: string): Simpler =>
  (step) => {
    if (!Object.hasOwn(step, key)) return [];
    const rest = Object.entries(step).filter(([name]) => name !== key);
    return [Object.fromEntries(rest) as unknown as Step];
  };

const rounder =
  (key: 'ms' | 'count', values: readonly number[]): Simpler =>
  (step) => {
    const now = (step as Readonly<Record<string, unknown>>)[key];
    if (typeof now !== 'number') return [];
    return values.filter((value) => value < now).map((value) => ({ ...step, [key]: value }));
  };

const sending =
  (simplify: (step: SendStep) => readonly Step[]): Simpler =>
  (step) =>
    step.do === 'send' ? simplify(step) : [];

const fewerRecipients = sending((step) => {
  if (step.to.length < 2) return [];
  const ones = step.to.map((_, at) => [step.to[at] ?? '']);
  const lessOne = step.to.map((_, at) => step.to.filter((__, index) => index !== at));
  return [...ones, ...(step.to.length > 2 ? lessOne : [])].map((to) => ({ ...step, to }));
});

/** A local part may mean something to a receiver that judges; mostly it does not. */
const plainRecipients = sending((step) => {
  const to = [...new Set(step.to.map((one) => `u${one.slice(one.lastIndexOf('@'))}`))];
  return to.join() === step.to.join() ? [] : [{ ...step, to }];
});

/** Without them receivers, sources and sinks have a default; a suspension has none. */
const befalling =
  (simplify: Simpler): Simpler =>
  (step) =>
    step.do === 'receiver' || step.do === 'source' || step.do === 'sink' ? simplify(step) : [];

const steadier: Simpler = (step) =>
  step.do === 'source' && step.is === 'flapping'
    ? [{ do: 'source', source: step.source, is: 'unplumbed' }]
    : [];

const SIMPLER: readonly Simpler[] = [
  fewerRecipients,
  plainRecipients,
  sending(dropping('by')),
  sending(dropping('headers')),
  sending(dropping('campaign')),
  sending(dropping('tenant')),
  sending(dropping('count')),
  rounder('count', COUNTS),
  steadier,
  befalling(dropping('count')),
  befalling(dropping('ms')),
  rounder('ms', SPANS),
];

/** Each value of each step by itself, the last step first. */
const values: Pass = {
  slots: ({ steps }) => steps.length * SIMPLER.length,
  tries: (scenario, slot) => {
    const { steps } = scenario;
    const at = steps.length - 1 - Math.floor(slot / SIMPLER.length);
    const step = steps[at];
    const simplify = SIMPLER[slot % SIMPLER.length];
    if (step === undefined || simplify === undefined) return [];
    return simplify(step).map((one) => withSteps(scenario, steps.with(at, one)));
  },
  next: (slot) => slot + 1,
};

const PASSES = [halves, faults, quarters, pairs, singles, values];
/** Behind the steps that went in chunks: what remains is little. */
const AGAIN = PASSES.indexOf(singles);

/** Every attempt from a place on, each with the place where to go on if it helps. */
function* attempts(scenario: Scenario, from: Place): Generator<fc.Value<Scenario>> {
  for (let at = from.pass; at < PASSES.length; at += 1) {
    const pass = PASSES[at] as Pass;
    const slots = pass.slots(scenario);
    for (let slot = at === from.pass ? from.slot : 0; slot < slots; slot += 1) {
      const place: Place = { pass: at, slot: pass.next(slot), hasHelped: true };
      for (const one of pass.tries(scenario, slot)) yield new fc.Value(one, place);
    }
  }
  if (from.hasHelped) yield* attempts(scenario, { pass: AGAIN, slot: 0, hasHelped: false });
}

const BEGINNING: Place = { pass: 0, slot: 0, hasHelped: false };

class Shrinking extends fc.Arbitrary<Scenario> {
  readonly #drawn: fc.Arbitrary<Scenario>;

  constructor(drawn: fc.Arbitrary<Scenario>) {
    super();
    this.#drawn = drawn;
  }

  generate(random: fc.Random, bias: number | undefined): fc.Value<Scenario> {
    return new fc.Value(this.#drawn.generate(random, bias).value, BEGINNING);
  }

  canShrinkWithoutContext(value: unknown): value is Scenario {
    return typeof value === 'object' && value !== null && 'steps' in value;
  }

  shrink(scenario: Scenario, place: unknown): fc.Stream<fc.Value<Scenario>> {
    return fc.stream(attempts(scenario, (place as Place | undefined) ?? BEGINNING));
  }
}

/** The same scenarios; those that fail get smaller in few runs. */
export const shrinking = (drawn: fc.Arbitrary<Scenario>): fc.Arbitrary<Scenario> =>
  new Shrinking(drawn);
