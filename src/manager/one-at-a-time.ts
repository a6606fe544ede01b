/**
 * Work of the life cycle, one after the other in the order it was asked for; what failed holds up
 * nothing. Whoever watches hears when a reload begins and when it is over. Knows no work.
 */

/** A row of work. */
export class OneAtATime {
  readonly #reloading: (isOn: boolean) => void;
  #running: Promise<unknown> = Promise.resolve();

  constructor(reloading: (isOn: boolean) => void) {
    this.#reloading = reloading;
  }

  /** Does it when all before it is done. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#running.then(work);
    this.#running = done.catch(() => {});
    return done;
  }

  /** Does it as a reload, which is told of. */
  reload<T>(work: () => Promise<T>): Promise<T> {
    return this.run(() => {
      this.#reloading(true);
      return work().finally(() => this.#reloading(false));
    });
  }
}
