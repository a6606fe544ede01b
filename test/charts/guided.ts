/**
 * Random walks that build on each other: where one came upon something new it is kept, and later
 * ones begin like it and go on a little. So far ends of a chart are found in thousands of short
 * walks instead of millions. A seed gives the same walks; the first that fails is told with as few
 * steps as still fail. Deliberately unknown here: what walks, and where.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { InspectionEvent } from 'xstate';
import { createRandom } from '../../src/domain/prng.ts';
import { Failed, fewest } from '../world/shrinking.ts';
import type { Ledger } from './ledger.ts';

/** What makes a walk: knobs, and numbers that pick what happens next. */
export interface Walks<Knobs> {
  readonly knobs: fc.Arbitrary<Knobs>;
  /** What knobs are where they do not matter: a walk that fails is told with these if it can be. */
  readonly plain: Partial<Knobs>;
  readonly walk: (
    knobs: Knobs,
    picks: Iterable<number>,
    inspect: (event: InspectionEvent) => void,
  ) => void | Promise<void>;
}

/** The beginning of a walk that came upon something, and where it stood then. */
interface Kept<Knobs> {
  readonly knobs: Knobs;
  readonly picks: readonly number[];
  readonly leaf: string;
}

const PICK_MAX = 2 ** 30;
/** Of the others so many begin like one that is kept, wherever that is. */
const KEPT_SHARE = 0.8;
/** So many begin where something is missing, and soon end. */
const NEAR_SHARE = 0.5;
const NEAR_STEPS = 3;
/** How likely each knob is drawn anew. */
const MIX_SHARE = 0.1;
/** Steps of a walk from nothing, and of one that goes on, at most. */
const FRESH_STEPS = 40;
const MORE_STEPS = 12;

/** Walks until every transition was seen, at most `walksMax` times; answers how often. */
export async function walkGuided<Knobs>(
  ledger: Ledger,
  walks: Walks<Knobs>,
  seed: number,
  walksMax: number,
): Promise<number> {
  const { uniform } = createRandom(seed);
  const kept: Kept<Knobs>[] = [];
  const fresh = fc.sample(walks.knobs, { seed, numRuns: walksMax });
  const drawTo = (end: number): number => Math.floor(uniform() * end);
  for (let count = 0; count < walksMax; count += 1) {
    if (ledger.arrows.isWhole && ledger.states.isWhole) return count;
    const near = kept.filter(({ leaf }) => ledger.isWanted(leaf));
    const isNear = near.length > 0 && uniform() < NEAR_SHARE;
    const from = isNear ? near : kept;
    const like = isNear || uniform() < KEPT_SHARE ? from[drawTo(from.length)] : undefined;
    const knobs = mix(like?.knobs, fresh[count] as Knobs, uniform);
    const steps = like === undefined ? FRESH_STEPS : 1 + drawTo(isNear ? NEAR_STEPS : MORE_STEPS);
    const more = Array.from({ length: steps }, () => drawTo(PICK_MAX));
    const picks = [...(like?.picks ?? []), ...more];
    try {
      const news = watchPicks(ledger, picks);
      await walks.walk(knobs, news.picks(), ledger.watch());
      // One for each thing that was new, so that all of them are begun with equally often.
      for (const { at, leaf } of news.found) kept.push({ knobs, picks: picks.slice(0, at), leaf });
    } catch (error) {
      await tellShrunk(walks, knobs, picks, error);
    }
  }
  return walksMax;
}

/** Those that are kept, one of them often drawn anew: what was found with some may need others. */
function mix<Knobs>(kept: Knobs | undefined, fresh: Knobs, uniform: () => number): Knobs {
  if (kept === undefined) return fresh;
  const changes = Object.entries(fresh as object).filter(() => uniform() < MIX_SHARE);
  return { ...kept, ...Object.fromEntries(changes) };
}

/** After how many picks there was something new, and where that was. */
interface News {
  readonly at: number;
  readonly leaf: string;
}

/** The picks one by one, and after how many of them there was something new. */
function watchPicks(
  ledger: Ledger,
  all: readonly number[],
): { readonly picks: () => Iterable<number>; readonly found: readonly News[] } {
  const found: News[] = [];
  function* picks(): Iterable<number> {
    let before = ledger.steps.seen;
    for (const [at, pick] of all.entries()) {
      yield pick;
      if (ledger.steps.seen > before) found.push({ at: at + 1, leaf: ledger.leaf });
      before = ledger.steps.seen;
    }
  }
  return { picks, found };
}

/** The walk with as few steps as still make it fail, in surroundings as plain as still do. */
async function tellShrunk<Knobs>(
  { walk, plain }: Walks<Knobs>,
  knobs: Knobs,
  picks: readonly number[],
  error: unknown,
): Promise<never> {
  const isPlain = (name: string): boolean =>
    isDeepStrictEqual(knobs[name as keyof Knobs], plain[name as keyof Knobs]);
  const own = Object.keys(plain).filter((name) => !isPlain(name));
  const walkOf = (parts: readonly (string | number)[]) => {
    const kept = parts.filter((part) => typeof part === 'string');
    const values = kept.map((name) => [name, knobs[name as keyof Knobs]]);
    return {
      knobs: { ...knobs, ...plain, ...Object.fromEntries(values) } as Knobs,
      picks: parts.filter((part) => typeof part === 'number'),
    };
  };
  const { left, why } = await fewest([...own, ...picks], error, async (some) => {
    const { knobs: around, picks: steps } = walkOf(some);
    await walk(around, steps, () => {});
  });
  const told = walkOf(left);
  throw new Failed(told.picks.length, told, why);
}
