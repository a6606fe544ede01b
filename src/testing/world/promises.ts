/**
 * What answers by promise in a world, and what is to be waited for before time goes on: so the
 * order of things never depends on how long a machine takes for them. The one idea: after a step
 * that may have settled a promise, as many turns of the promises' own queue go by as anything here
 * needs; what takes real time is waited for as long as it takes. Knows nobody's work.
 */

/** Turns that go by: more than any chain of promises here is long. */
const HOPS = 24;

/** Those of one world. */
export class WorldPromises {
  #isStirred = false;
  /** Under way, and answered in virtual time. */
  readonly #followed = new Map<Promise<unknown>, () => boolean>();
  /** Under way in real time. */
  readonly #real = new Set<Promise<unknown>>();

  /** Something may have settled. */
  stir(): void {
    this.#isStirred = true;
  }

  /** Looks after each step whether it goes on, until it is through or its process is over. */
  follow<T>(work: Promise<T>, isOver: () => boolean): Promise<T> {
    const known = work.finally(() => this.#followed.delete(known));
    this.#followed.set(known, isOver);
    known.catch(() => {});
    this.stir();
    return known;
  }

  /** Time does not go on before this is through. */
  real<T>(work: Promise<T>): Promise<T> {
    const known = work.finally(() => this.#real.delete(known));
    this.#real.add(known);
    known.catch(() => {});
    this.stir();
    return known;
  }

  /** To be awaited after a step; undefined where there is nothing to wait for. */
  rest(): Promise<void> | undefined {
    return this.#isStirred || this.#followed.size > 0 ? this.#rest() : undefined;
  }

  async #rest(): Promise<void> {
    this.#isStirred = false;
    do {
      await Promise.allSettled(this.#real);
      for (let hop = 0; hop < HOPS; hop += 1) await null;
    } while (this.#real.size > 0);
    for (const [work, isOver] of this.#followed) if (isOver()) this.#followed.delete(work);
  }
}
