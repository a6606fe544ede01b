/**
 * Queues and sources at work: an engine in a seeded world, with mail, operators, other policies and
 * kills, and its log read along the charts. The one idea: a durable chart moves only on what is in
 * the log, so the log tells every step, and a step that the chart refuses ends the engine.
 * Deliberately unknown here: how decisions are made; what must be reached.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Registry } from '../../src/actors/registry.ts';
import type { StoredRecord } from '../../src/ports/ports.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import type { World } from '../../src/testing/world/world.ts';
import type { Act } from '../world/acts.ts';
import { DOMAINS, perform } from '../world/acts.ts';
import { makeWorld, TIGHT } from '../world/law.ts';
import { Failed, fewest } from '../world/shrinking.ts';
import type { Ledger } from './ledger.ts';

const ACTS = 30;
const BEGINS = { queue: 'ready', source: 'open' } as const;
type Kind = keyof typeof BEGINS;

/** The policy forgets the first source, or knows it again; mail comes while all are suspended. */
type OwnAct =
  | { readonly do: 'sources'; readonly isLess: boolean }
  | { readonly do: 'rest'; readonly ms: number };

/** Both charts under one roof. */
export type DurableLedgers = Readonly<Record<Kind, Ledger>>;

// The same few names, so that what is suspended is suspended again; a long wait retires the idle.
const name = fc.constantFrom(DOMAINS[0], DOMAINS[1]);
const source = fc.constantFrom('ip-1', 'ip-1', 'ip-2');
const ms = fc.constantFrom(5_000, 60_000, 600_000);
const act: fc.Arbitrary<Act | OwnAct> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      to: fc.constantFrom(['u1@a.test'], ['later1@a.test'], ['u1@b.test', 'later2@b.test']),
      bytes: fc.constant(200),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
  fc.record({ do: fc.constant('wait' as const), ms: fc.constant(2_000_000) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('suspendQueue' as const), name, ms }) },
  fc.record({ do: fc.constant('resumeQueue' as const), name }),
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('suspendSource' as const), name: source, ms }),
  },
  fc.record({ do: fc.constant('resumeSource' as const), name: source }),
  fc.record({
    do: fc.constant('edit' as const),
    strategy: fc.constant('Epoch' as const),
    pool: fc.constantFrom('one' as const, 'one' as const, 'one' as const, 'three' as const),
    maxReady: fc.constantFrom(8, 3),
    maxAge: fc.constantFrom('1h', '40m'),
    isListed: fc.boolean(),
  }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rest' as const), ms }) },
  fc.record({ do: fc.constant('crash' as const) }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('sources' as const), isLess: fc.boolean() }),
  },
);
const acts = fc.array(act, { minLength: ACTS, maxLength: ACTS });

/** Plays until every transition of both charts was in the log, at most `playsMax` times. */
export async function walkDurable(
  ledgers: DurableLedgers,
  seed: number,
  playsMax: number,
): Promise<number> {
  const { queue, source: sources } = ledgers;
  let plays = 0;
  const play = async (
    world: number,
    isTight: boolean,
    all: readonly (Act | OwnAct)[],
  ): Promise<void> => {
    if ([queue, sources].every(({ states, arrows }) => states.isWhole && arrows.isWhole)) return;
    plays += 1;
    await playOut(ledgers, world, isTight, all);
  };
  const property = fc.asyncProperty(fc.nat(), fc.boolean(), acts, play);
  // Shrunk below, by leaving acts out.
  const details = await fc.check(property, { seed, numRuns: playsMax, endOnFailure: true });
  const [world = 0, isTight = false, all = []] = details.counterexample ?? [];
  if (!details.failed) return plays;
  const { left, why } = await fewest(all, details.errorInstance, (some) =>
    playOut(ledgers, world, isTight, some),
  );
  throw new Failed(left.length, { world, isTight, acts: left }, why);
}

async function playOut(
  ledgers: DurableLedgers,
  seed: number,
  isTight: boolean,
  all: readonly (Act | OwnAct)[],
): Promise<void> {
  const plan = makePlan({ queue: { egress_pool: 'one' } });
  const world = await makeWorld({ seed, plan, limits: isTight ? TIGHT : {} }, false);
  const states = new Map<string, string>();
  let read = 0;
  for (const act of all) {
    if (act.do === 'sources') changeSources(world, act.isLess);
    else if (act.do === 'rest') await rest(world, act.ms);
    else await perform(world, act, () => {});
    const { records } = world.witness;
    for (; read < records.length; read += 1) {
      follow(ledgers, states, records[read] as StoredRecord);
    }
  }
}

async function rest(world: World, ms: number): Promise<void> {
  for (const name of ['ip-1', 'ip-2', 'ip-3']) {
    await perform(world, { do: 'suspendSource', name, ms }, () => {});
  }
  world.submit(['u1@a.test', 'u1@b.test']);
  await world.runFor(1_000);
}

function changeSources(world: World, isLess: boolean): void {
  const { sources, pools } = makePlan();
  const { 'ip-1': _gone, ...others } = sources;
  const left = [{ name: 'ip-2', weight: 1 }];
  world.plan.sources = isLess ? others : sources;
  world.plan.pools = isLess ? { one: left, two: left, three: left } : pools;
  world.usePolicy();
}

/** One record along its chart, if it is about one. */
function follow(ledgers: DurableLedgers, states: Map<string, string>, record: StoredRecord): void {
  const { type, stream } = record;
  const family = type.slice(0, type.indexOf('.'));
  if (family !== 'queue' && family !== 'source') return;
  const key = `${family} ${stream}`;
  if (type === `${family}.opened`) {
    states.set(key, BEGINS[family]);
    return;
  }
  const from = states.get(key) ?? '';
  const to = Registry.next(family, from, type);
  assert.ok(to !== undefined, `${type} of ${stream} in ${from} is in the log`);
  states.set(key, to);
  ledgers[family].noteSignal(from, type, to);
}
