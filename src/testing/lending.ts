/**
 * What the operator's code finds where it looks past its handlers' arguments: `Date` tells virtual
 * time, `Math.random` draws from the seed, `fetch` refuses. The one idea: the globals are lent for
 * the time of one run and given back, and runs wait for each other, so two cannot share them.
 * Deliberately unknown here: who runs. Modules of Node that a policy imports are out of its reach.
 */

import { Chance } from './world/chance.ts';
import { START_AT } from './world/world.ts';

/** What is lent. */
export interface Lent {
  readonly now: () => number;
  readonly uniform: () => number;
}

const refuseFetch = (): never => {
  throw new Error(
    'a simulated policy has no network: read data files, or look names up in prepare()',
  );
};

/** The class `Date` over another clock; with arguments it is as ever. */
function datesOf(real: DateConstructor, now: () => number): DateConstructor {
  return class LentDate extends real {
    constructor(...given: readonly never[]) {
      if (given.length === 0) super(now());
      else super(...(given as unknown as [number]));
    }

    static override now(): number {
      return now();
    }
  } as unknown as DateConstructor;
}

/** Lends the globals; the answer gives them back. */
export function lend(lent: Lent): () => void {
  const { Date: date, fetch } = globalThis;
  const { random } = Math;
  Object.assign(globalThis, { Date: datesOf(date, lent.now), fetch: refuseFetch });
  Object.assign(Math, { random: lent.uniform });
  return () => {
    Object.assign(globalThis, { Date: date, fetch });
    Object.assign(Math, { random });
  };
}

let last: Promise<unknown> = Promise.resolve();

/** Runs `act` while the globals are lent; the next one begins when it is over. */
export function whileLent<T>(lent: Lent, act: () => Promise<T>): Promise<T> {
  const done = last.then(async () => {
    const giveBack = lend(lent);
    try {
      return await act();
    } finally {
      giveBack();
    }
  });
  last = done.catch(() => undefined);
  return done;
}

/** The world of a simulation, as far as the time it lends. */
interface Clocked {
  readonly world: { readonly now: number };
}

/** Builds a simulation and plays it, both under virtual time and chance that follows the seed. */
export function whileSimulated<S extends Clocked, T>(
  seed: number,
  start: () => Promise<S>,
  play: (simulation: S) => Promise<T>,
): Promise<T> {
  const dice = new Chance(seed ^ 0x0d1ce);
  let clock: Clocked | undefined;
  const now = (): number => clock?.world.now ?? START_AT;
  return whileLent({ now, uniform: () => dice.uniform() }, async () => {
    const simulation = await start();
    clock = simulation;
    return play(simulation);
  });
}
