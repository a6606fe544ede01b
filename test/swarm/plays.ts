/**
 * What a play of the swarm is drawn from: knobs of its world, and acts of which some kinds are left
 * out. The one idea: each play leaves out a random half of all that could go wrong, because a world
 * in which everything fails at once never gets far enough to fail in interesting ways; and all of
 * it is plain data, so that fast-check can shrink it. Deliberately unknown here: what must hold.
 */
import fc from 'fast-check';
import type { Faults } from '../../src/testing/world/chance.ts';
import { CALM, ROUGH } from '../../src/testing/world/chance.ts';
import type { PolicyPlan } from '../../src/testing/world/policy.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import type { Act } from '../world/acts.ts';
import { fatalActs, perform, quietActs } from '../world/acts.ts';
import { makeWorld, TIGHT } from '../world/law.ts';
import { hooksFor } from './hooks.ts';

/** An address of ours is gone, or its proxy is; or both are in order again. */
type SourceAct = {
  readonly do: 'break';
  readonly source: number;
  readonly how: 'unplumbed' | 'proxy' | 'mended';
};

/** One act of the swarm. */
export type SwarmAct = Act | SourceAct;

type Kind = SwarmAct['do'];

/** Kinds of acts that a play may do without; mail and time are in each. */
const KINDS: readonly Kind[] = [
  'burst',
  'steps',
  'suspendSource',
  'suspendQueue',
  'resumeSource',
  'resumeQueue',
  'cancel',
  'manner',
  'answers',
  'zone',
  'pool',
  'bump',
  'rebind',
  'edit',
  'suspendAll',
  'purgeAll',
  'suspendReady',
  'withdraw',
  'rebindAll',
  'crash',
  'fillDisk',
  'failLog',
  'break',
];

/** What the world of a play is made of. */
export interface SwarmKnobs {
  readonly seed: number;
  /** Bounds so low that all of them are met. */
  readonly isTight: boolean;
  /** Faults of network, names and disk that happen by themselves. */
  readonly faults: readonly (keyof Faults)[];
  /** Kinds of acts that happen, besides mail and time. */
  readonly kinds: readonly Kind[];
  /** Rates of queues, paths and choices of a source. */
  readonly hasRates: boolean;
  /** Ready queues and connections so few that queues wait for room. */
  readonly isNarrow?: boolean;
  /** How old mail grows at first; shorter than a suspension may be. */
  readonly maxAge: '1h' | '3m';
  /** Rules that suspend a source whose address or proxy fails. */
  readonly hasRules: boolean;
  /** Who counts rates and limits. */
  readonly quotas: 'here' | 'late';
}

const breaking: fc.Arbitrary<SourceAct> = fc.record({
  do: fc.constant('break' as const),
  source: fc.integer({ min: 1, max: 3 }),
  how: fc.constantFrom('unplumbed' as const, 'proxy' as const, 'mended' as const),
});

/** Any act. */
export const swarmActs: fc.Arbitrary<SwarmAct> = fc.oneof(
  ...(quietActs as readonly fc.WeightedArbitrary<SwarmAct>[]),
  ...(fatalActs as readonly fc.WeightedArbitrary<SwarmAct>[]),
  { weight: 2, arbitrary: breaking },
);

/** Any world. */
export const swarmKnobs: fc.Arbitrary<SwarmKnobs> = fc.record({
  seed: fc.noShrink(fc.noBias(fc.nat())),
  isTight: fc.boolean(),
  faults: fc.subarray(Object.keys(ROUGH) as (keyof Faults)[]),
  kinds: fc.subarray([...KINDS]),
  hasRates: fc.boolean(),
  isNarrow: fc.boolean(),
  maxAge: fc.constantFrom('1h' as const, '3m' as const),
  hasRules: fc.boolean(),
  quotas: fc.constantFrom('here' as const, 'late' as const),
});

/** Whether an act of this kind happens in a play. */
export function isInPlay({ kinds }: SwarmKnobs, act: SwarmAct): boolean {
  return kinds.includes(act.do) || !KINDS.includes(act.do);
}

/** Slow, and of a burst so small that a few messages are beyond it. */
const RATES = {
  max_message_rate: '30/m,max_burst=3',
  max_connection_rate: '20/m,max_burst=2',
  source_selection_rate: '20/s,max_burst=1',
};

const NARROW = { max_ready: 2, connection_limit: 1 };

function planOf({ hasRates, hasRules, isNarrow, maxAge }: SwarmKnobs): PolicyPlan {
  const plan = makePlan({
    queue: { max_age: maxAge, ...(hasRates ? { max_message_rate: '5/s' } : {}) },
    path: { ...(hasRates ? RATES : {}), ...(isNarrow === true ? NARROW : {}) },
  });
  if (!hasRules) return plan;
  const rules = {
    suspend_when_unplumbed: { duration: '5m' },
    suspend_when_proxy_unhealthy: { trigger: { Threshold: '3/60s' }, duration: '2m' },
  };
  const ruled = Object.entries(plan.sources).map(([name, one]) => [name, { ...one, ...rules }]);
  plan.sources = Object.fromEntries(ruled);
  return plan;
}

/** The world of a play, with a running engine. */
export async function openWorld(knobs: SwarmKnobs): Promise<World> {
  const { seed, isTight, quotas } = knobs;
  const limits = isTight ? TIGHT : {};
  const hooks = hooksFor(seed);
  const made = {
    seed,
    limits,
    quotas,
    plan: planOf(knobs),
    ...(hooks === undefined ? {} : { hooks }),
  };
  const world = await makeWorld(made, false);
  world.hooks?.brew();
  const rates = knobs.faults.map((kind) => [kind, ROUGH[kind]] as const);
  world.net.faults = { ...CALM, ...Object.fromEntries(rates) };
  return world;
}

/** Does an act; `each` runs after every step of the world. */
export async function enact(world: World, act: SwarmAct, each: () => void): Promise<void> {
  if (act.do !== 'break') return perform(world, act, each);
  const { broken } = world.net;
  const address = `192.0.2.${act.source}`;
  if (act.how === 'mended') broken.mend(address);
  else if (act.how === 'unplumbed') broken.unplumb(address);
  else broken.breakProxy(address);
}
