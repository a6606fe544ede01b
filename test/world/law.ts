/**
 * How a law is run: many plays in many worlds, for a bounded time, and a way to tell them again.
 * The one idea: a play is fast-check commands over a world; a failure names seed and path, and the
 * commands print as data. `LAW_SECONDS` sets the time a law has.
 * Deliberately unknown here: what any law says.
 */
import fc from 'fast-check';
import type { Limits } from '../../src/domain/limits.ts';
import { CALM } from '../../src/testing/world/chance.ts';
import { judging } from '../../src/testing/world/manners.ts';
import type { WorldKnobs } from '../../src/testing/world/world.ts';
import { World } from '../../src/testing/world/world.ts';
import type { Act } from './acts.ts';
import { DOMAINS, fatalActs, perform, quietActs, SHARED } from './acts.ts';

const SECONDS_DEFAULT = 6;
const ACTS_MAX = 40;
const RUNS_MAX = 1_000_000;

/** Time a law has, in milliseconds. */
export const lawMs = (share = 1): number =>
  Number(process.env['LAW_SECONDS'] ?? SECONDS_DEFAULT) * 1_000 * share;

/** fast-check's settings for a law; the time ends a run that found nothing. */
const lawSettings = <T = unknown>(share: number, round: number): fc.Parameters<T> => ({
  numRuns: RUNS_MAX,
  interruptAfterTimeLimit: lawMs(share),
  markInterruptAsFailure: false,
  endOnFailure: false,
  ...(process.env['LAW_SEED'] === undefined
    ? {}
    : { seed: Number(process.env['LAW_SEED']) + round }),
  ...(process.env['LAW_PATH'] === undefined ? {} : { path: process.env['LAW_PATH'] }),
});

/** Rounds of the same time that a law gets at most until it had something to say. */
const ROUNDS_MAX = 20;

/**
 * Runs a property as a law; a failure tells the cause along with seed and path. On a busy machine
 * the time may be over before there was anything to judge: as long as `hasSpoken` denies it, the
 * law gets its time once more, and fails at last.
 */
export async function assertLaw<T>(
  property: fc.IAsyncProperty<T> | fc.IProperty<T>,
  share = 1,
  hasSpoken: () => boolean = () => true,
): Promise<void> {
  for (let round = 0; round === 0 || (!hasSpoken() && round < ROUNDS_MAX); round += 1) {
    try {
      await fc.assert(property, lawSettings<T>(share, round));
    } catch (error) {
      const { message, cause } = error as Error;
      throw new Error(`${message}\n${cause instanceof Error ? cause.stack : ''}`);
    }
  }
  if (!hasSpoken()) throw new Error(`in ${ROUNDS_MAX} times its time the law had nothing to say`);
}

/** Bounds so low that every one of them is met. */
export const TIGHT: Partial<Limits> = {
  turnInputsMax: 4,
  turnRecordsMax: 8,
  hotRowsMax: 4,
  drawRowsMax: 2,
  hotBodyBytesMax: 4_000,
  deferredBodyBytesMax: 4_000,
  deferredBodyMsMax: 2_000,
  connectionsMax: 5,
  paceRowsMin: 4,
  inboxSubmissionsMax: 8,
  snapshotRecordsMax: 60,
  snapshotMsMax: 20_000,
  sweepAsksMax: 1,
  sweepLooksMax: 2,
  sweepRowsMax: 3,
};

class ActCommand implements fc.AsyncCommand<Play, World> {
  readonly #act: Act;

  constructor(act: Act) {
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(play: Play, world: World): Promise<void> {
    await perform(world, this.#act, () => play.each(world));
    await play.after?.(world);
  }

  toString(): string {
    return JSON.stringify(this.#act);
  }
}

/** What a law listens to while a play is on. */
export interface Play {
  readonly begin?: (world: World) => void;
  /** After every step of the world. */
  readonly each: (world: World) => void;
  /** After every act. */
  readonly after?: (world: World) => void | Promise<void>;
  /** When the play is over. */
  readonly end?: (world: World) => void | Promise<void>;
}

/** How rough a play is. */
export interface Roughness {
  readonly hasFaults: boolean;
  readonly hasCrashes: boolean;
  /** Bounds beside those of a tight play, or of none. */
  readonly limits?: Partial<Limits>;
  /** What else a world is made of, by its seed. */
  readonly knobs?: (seed: number) => Partial<WorldKnobs>;
  /** What happens, in place of the usual acts. */
  readonly acts?: readonly fc.WeightedArbitrary<Act>[];
}

/** Shares of mails with `deferred_spool`; which of them a world has, its seed says. */
const DEFERRING = [0, 0.4, 1];

/** A usual world: four domains with exchangers, one more that shares the first one's. */
export async function makeWorld(knobs: WorldKnobs, isSwarming: boolean): Promise<World> {
  const manners = Object.fromEntries(DOMAINS.slice(0, -1).map((name) => [name, judging]));
  const deferring = DEFERRING[knobs.seed % DEFERRING.length] as number;
  const world = await World.start({ manners, faults: CALM, deferring, ...knobs });
  world.zone.mx.set('same.test', [{ preference: 10, exchange: `mx.${SHARED}` }]);
  if (isSwarming) world.net.faults = world.chance.swarm();
  await world.runFor(100);
  return world;
}

/** Runs plays until the time is over; see `assertLaw` for `hasSpoken`. */
export async function runPlays(
  play: Play,
  rough: Roughness,
  share = 1,
  hasSpoken?: () => boolean,
): Promise<void> {
  const usual = rough.acts ?? quietActs;
  const acts = rough.hasCrashes ? [...usual, ...fatalActs] : usual;
  const command = fc.oneof(...acts).map((act) => new ActCommand(act));
  const commands = fc.commands([command], { maxCommands: ACTS_MAX, size: 'max' });
  const knobs = fc.record({ seed: fc.nat(), isTight: fc.boolean() });
  const property = fc.asyncProperty(knobs, commands, async ({ seed, isTight }, all) => {
    const limits = { ...(isTight ? TIGHT : {}), ...rough.limits };
    const world = await makeWorld({ seed, limits, ...rough.knobs?.(seed) }, rough.hasFaults);
    play.begin?.(world);
    await fc.asyncModelRun(() => ({ model: play, real: world }), all);
    await play.end?.(world);
  });
  await assertLaw(property, share, hasSpoken);
}
