/**
 * Work that is done between two lives of a worker, while nobody has the data: one at a time.
 * Knows neither the work nor the worker.
 */

/** What is to be done when the present life has ended. */
export class Interlude {
  #work: (() => Promise<void>) | undefined;

  get isPlanned(): boolean {
    return this.#work !== undefined;
  }

  /** Answers what comes of it. */
  plan<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#work = () => work().then(resolve, reject);
    });
  }

  /** Does what was planned, if anything was, and then goes on. */
  play(next: () => void): void {
    if (this.#work === undefined) return next();
    void this.#work().finally(() => {
      this.#work = undefined;
      next();
    });
  }
}
