/**
 * The swarm: one seed is one play in one random world, held against all laws, first while things go
 * wrong, then until all mail has ended in a kind world. The one idea: a seed is found again by its
 * number alone; what it broke is made small by fast-check within a bounded time, and only the law
 * that was broken counts meanwhile. Deliberately unknown here: processes, terminals, files.
 */
import fc from 'fast-check';
import type { World } from '../../src/testing/world/world.ts';
import { fewest } from '../world/shrinking.ts';
import { Broken, Court, judge } from './judges.ts';
import type { SwarmAct, SwarmKnobs } from './plays.ts';
import { enact, isInPlay, openWorld, swarmActs, swarmKnobs } from './plays.ts';

/** Turns after which no further act happens, unless told otherwise. */
export const TURNS_DEFAULT = 500;
/** An act is worth some turns: so many of them are drawn at most, by the turns of a play. */
const TURNS_PER_ACT = 4;

/** A play as plain data. */
export interface Play {
  readonly knobs: SwarmKnobs;
  readonly acts: readonly SwarmAct[];
}

/** What a seed broke. */
export interface Failure {
  readonly seed: number;
  readonly turns: number;
  readonly law: string;
  readonly says: string;
  /** As small as it was made. */
  readonly play: Play;
  /** Acts of the play before it was made smaller. */
  readonly actsBefore: number;
}

/** What came of a seed. */
export interface Outcome {
  readonly turns: number;
  readonly failure: Failure | undefined;
}

interface Stage {
  readonly turns: number;
  readonly world: World;
  readonly court: Court;
  readonly knobs: SwarmKnobs;
  readonly done: SwarmAct[];
  readonly eyes: Eyes;
}

class Command implements fc.AsyncCommand<object, Stage> {
  readonly #act: SwarmAct;

  constructor(act: SwarmAct) {
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(_model: object, stage: Stage): Promise<void> {
    const { world, court, knobs, turns, done, eyes } = stage;
    if (!isInPlay(knobs, this.#act) || turnsOf(world) >= turns) return;
    done.push(this.#act);
    eyes.onAct?.(world, this.#act);
    await enact(world, this.#act, () => court.step());
    court.act();
  }
}

const turnsOf = ({ witness }: World): number => witness.records.at(-1)?.turn ?? 0;

type Scene = (world: World, court: Court) => Promise<void>;

/** Whatever is thrown is of a law: an engine that ends by itself breaks one as well. */
async function playIn(knobs: SwarmKnobs, eyes: Eyes, scene: Scene): Promise<World> {
  let court: Court | undefined;
  try {
    const world = await openWorld(knobs);
    eyes.onWorld?.(world, knobs);
    court = new Court(world);
    await scene(world, court);
    return world;
  } catch (error) {
    // An invariant may have spoken first; what it kept from happening says more to its reader.
    if (!(error instanceof Broken)) court?.recount();
    judge('the-engine-goes-on', () => {
      throw error;
    });
    throw error;
  }
}

/** Plays as it is written; throws what it breaks. */
export async function playOut({ knobs, acts }: Play): Promise<World> {
  return playIn(knobs, {}, async (world, court) => {
    for (const act of acts) {
      await enact(world, act, () => court.step());
      court.act();
    }
    await court.end();
  });
}

/** How a seed is played. */
export interface SeedOptions {
  readonly turns?: number | undefined;
  /** Time for making a failure small; 0 leaves it as it is. */
  readonly shrinkMs?: number | undefined;
  readonly eyes?: Eyes | undefined;
}

/** Whoever looks on at a play, but not while it is made smaller. */
export interface Eyes {
  readonly onWorld?: (world: World, knobs: SwarmKnobs) => void;
  /** Before an act; undefined when the world turns kind. */
  readonly onAct?: (world: World, act: SwarmAct | undefined) => void;
}

interface Last {
  error: Broken | undefined;
  play: Play;
  turns: number;
}

/** Plays a seed, and makes small what it broke. */
export async function playSeed(seed: number, options: SeedOptions = {}): Promise<Outcome> {
  const { turns = TURNS_DEFAULT, shrinkMs = 0 } = options;
  const last: Last = { error: undefined, play: { knobs: {} as SwarmKnobs, acts: [] }, turns: 0 };
  await run(seed, turns, last, undefined, { endOnFailure: true }, options.eyes);
  const { error } = last;
  if (error === undefined) return { turns: last.turns, failure: undefined };
  const found = { seed, turns, law: error.law, says: error.message };
  const actsBefore = last.play.acts.length;
  if (shrinkMs === 0)
    return { turns: last.turns, failure: { ...found, play: last.play, actsBefore } };
  const small: Last = { ...last };
  const bound = { path: '0', interruptAfterTimeLimit: shrinkMs / 2, markInterruptAsFailure: false };
  await run(seed, turns, small, error.law, bound);
  const { play, why } = await leaveOut(small.play, small.error ?? error, shrinkMs / 2);
  return { turns: last.turns, failure: { ...found, says: why.message, play, actsBefore } };
}

/** Acts that are not needed are left out; commands shrink from their ends, and not in time. */
async function leaveOut({ knobs, acts }: Play, error: Broken, ms: number) {
  const again = (some: readonly SwarmAct[]): Promise<void> => playAgain(knobs, some, error.law);
  const { left, why } = await fewest(acts, error, again, ms);
  const joined = joinWaits(left);
  const whyJoined = await again(joined).then(
    () => undefined,
    (broken: Broken) => broken,
  );
  const isJoined = joined.length < left.length && whyJoined !== undefined;
  return isJoined
    ? { play: { knobs, acts: joined }, why: whyJoined }
    : { play: { knobs, acts: left }, why: why as Broken };
}

/** Waits that stand next to each other are one. */
function joinWaits(acts: readonly SwarmAct[]): SwarmAct[] {
  const joined: SwarmAct[] = [];
  for (const act of acts) {
    const last = joined.at(-1);
    if (act.do === 'wait' && last?.do === 'wait') {
      joined[joined.length - 1] = { ...act, ms: last.ms + act.ms };
    } else joined.push(act);
  }
  return joined;
}

/** Plays; throws where it breaks that law. */
async function playAgain(knobs: SwarmKnobs, acts: readonly SwarmAct[], law: string): Promise<void> {
  try {
    await playOut({ knobs, acts });
  } catch (error) {
    if ((error as Broken).law === law) throw error;
  }
}

async function run(
  seed: number,
  turns: number,
  last: Last,
  law: string | undefined,
  parameters: fc.Parameters<[SwarmKnobs, Iterable<fc.AsyncCommand<object, Stage>>]>,
  eyes: Eyes = {},
): Promise<void> {
  const command = swarmActs.map((act) => new Command(act));
  const commands = fc.commands([command], {
    maxCommands: Math.ceil(turns / TURNS_PER_ACT),
    size: 'max',
  });
  const property = fc.asyncProperty(swarmKnobs, fc.noBias(commands), async (knobs, all) => {
    const done: SwarmAct[] = [];
    try {
      await playIn(knobs, eyes, async (world, court) => {
        const stage = { world, court, knobs, turns, done, eyes };
        await fc.asyncModelRun(() => ({ model: {}, real: stage }), all);
        eyes.onAct?.(world, undefined);
        await court.end();
        last.turns = turnsOf(world);
      });
    } catch (error) {
      const broken = error as Broken;
      if (law !== undefined && broken.law !== law) return;
      Object.assign(last, { error: broken, play: { knobs, acts: done } });
      throw broken;
    }
  });
  await fc.check(property, { numRuns: 1, seed, ...parameters } as never);
}
