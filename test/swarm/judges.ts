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
  checkTold,
  checkWhole,
  checkWoken,
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

/**
 * Laws of a policy; here it edits itself, throws when told to, and says nothing of tenants, and in
 * some worlds mail does not live as long as a suspension.
 */
const NOT_JUDGED = new Set([
  'the-loader-accepts-it',
  'handlers-answer',
  'suspensions-end-before-the-mail',
]);
const JUDGED = laws.filter(({ name }) => !NOT_JUDGED.has(name));

/** Names of all laws that a play is held against. */
export const LAW_NAMES: readonly string[] = [
  'nothing-is-lost',
  'nothing-is-said-early',
  'limits-hold',
  'who-has-due-mail-is-woken',
  'replay-equals-live',
  'the-books-say-what-the-log-says',
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
  readonly #woken = (): void => checkWoken(this.#world);
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
    judge('who-has-due-mail-is-woken', this.#woken);
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
    world.hooks?.expect(world.store.records.length);
    await world.runFor(settlingMs(world), () => this.step());
    this.act();
    judge('calm-brings-progress', () => checkSettled(world));
    judge('limits-hold', () => checkExchangers(world));
    judge('nothing-is-lost', () => checkCopies(world));
    judge('replay-equals-live', () => checkReplay(world));
    this.recount();
  }

  /** The log is told anew from its beginning and held against books and laws. */
  recount(): void {
    const observed = observe(this.#world, this.#mailed, this.#faults);
    judge('the-books-say-what-the-log-says', () => checkTold(this.#world, observed.events));
    for (const { name, find } of JUDGED) {
      const breach = find(observed);
      if (breach !== undefined) throw new Broken(name, breach.says);
    }
  }
}
