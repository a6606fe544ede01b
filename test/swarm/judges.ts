/**
 * All judges of a play, each under the name of its law: those that look after every step, after
 * every act, at each promise to the outside, and at the end. The one idea: a judge is a thrown
 * error with a name, so that what was found can be shrunk by that law alone. Deliberately unknown
 * here: what a play does.
 */
import { tapMail } from '../../src/testing/observing.ts';
import type { MailCommand } from '../../src/testing/result.ts';
import { laws } from '../../src/testing/testing.ts';
import type { Faults } from '../../src/testing/world/chance.ts';
import type { World } from '../../src/testing/world/world.ts';
import { checkExchangers, watchBounds } from '../world/bounds.ts';
import {
  checkAnswer,
  checkBalance,
  checkCopies,
  checkDot,
  checkOffered,
  checkPromises,
  checkWhole,
} from '../world/judge.ts';
import { checkReplay } from '../world/refolding.ts';
import { checkSettled, settlingMs, turnKind } from '../world/settling-down.ts';
import { observe } from './observed.ts';

/** A law does not hold. */
export class Broken extends Error {
  readonly law: string;

  constructor(law: string, says: string, cause?: unknown) {
    super(says, { cause });
    this.law = law;
  }
}

/** Laws of a policy; here it edits itself, throws when told to, and says nothing of tenants. */
const NOT_JUDGED = new Set(['the-loader-accepts-it', 'handlers-answer']);
const JUDGED = laws.filter(({ name }) => !NOT_JUDGED.has(name));

/** Names of all laws that a play is held against. */
export const LAW_NAMES: readonly string[] = [
  'nothing-is-lost',
  'nothing-is-said-early',
  'limits-hold',
  'replay-equals-live',
  'calm-brings-progress',
  'the-engine-goes-on',
  ...JUDGED.map(({ name }) => name),
];

/** Acts between two foldings of the whole history. */
const REPLAY_ACTS = 10;

/** Runs a judge; what it throws is of its law. */
export function judge(law: string, look: () => void): void {
  try {
    look();
  } catch (error) {
    if (error instanceof Broken) throw error;
    throw new Broken(law, error instanceof Error ? error.message : String(error), error);
  }
}

/** The judges of one play. */
export class Court {
  readonly #world: World;
  readonly #mailed: readonly MailCommand[];
  readonly #bounds = watchBounds();
  readonly #faults: Faults;
  // Made once: they run after every step.
  readonly #balance = (): void => {
    checkBalance(this.#world);
    checkOffered(this.#world);
  };
  readonly #limits = (): void => this.#bounds(this.#world);
  #acts = 0;
  /** Thrown where nobody may catch it: told after the step. */
  #early: Broken | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#faults = world.net.faults;
    this.#mailed = tapMail(world);
    world.onAnswer = (mail) => this.#promised(() => checkAnswer(world, mail));
    world.onDot = (dot) => this.#promised(() => checkDot(world, dot));
  }

  #promised(look: () => void): void {
    try {
      judge('nothing-is-said-early', look);
    } catch (error) {
      this.#early ??= error as Broken;
    }
  }

  /** After each step. */
  step(): void {
    if (this.#early !== undefined) throw this.#early;
    judge('nothing-is-lost', this.#balance);
    judge('limits-hold', this.#limits);
  }

  /** After each act. */
  act(): void {
    const world = this.#world;
    this.#acts += 1;
    if (this.#early !== undefined) throw this.#early;
    judge('nothing-is-lost', () => {
      checkPromises(world);
      checkWhole(world);
    });
    if (this.#acts % REPLAY_ACTS === 0) judge('replay-equals-live', () => checkReplay(world));
  }

  /** When the acts are over: the world turns kind, and everything must come to its end. */
  async end(): Promise<void> {
    const world = this.#world;
    judge('replay-equals-live', () => checkReplay(world));
    turnKind(world);
    await world.runFor(settlingMs(world), () => this.step());
    this.act();
    judge('calm-brings-progress', () => checkSettled(world));
    judge('limits-hold', () => checkExchangers(world));
    judge('nothing-is-lost', () => checkCopies(world));
    judge('replay-equals-live', () => checkReplay(world));
    const observed = observe(world, this.#mailed, this.#faults);
    for (const { name, find } of JUDGED) {
      const breach = find(observed);
      if (breach !== undefined) throw new Broken(name, breach.says);
    }
  }
}
