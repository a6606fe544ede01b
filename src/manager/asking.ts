/**
 * Requests that come in storms, such as a bump from a handler that runs a thousand times a second:
 * the first is passed on at once, what follows within a second becomes one more at its end. Does
 * not know what is asked for.
 */

/** Between two requests that are passed on, ms. */
const REST_MS = 1000;

/** Passes requests on, at most one a second. */
export class Asking {
  readonly #pass: (reason: string) => void;
  #resting: NodeJS.Timeout | undefined;
  #meanwhile: string | undefined;

  constructor(pass: (reason: string) => void) {
    this.#pass = pass;
  }

  ask(reason: string): void {
    if (this.#resting !== undefined) {
      this.#meanwhile ??= reason;
      return;
    }
    this.#pass(reason);
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      const again = this.#meanwhile;
      this.#meanwhile = undefined;
      if (again !== undefined) this.ask(again);
    }, REST_MS);
  }

  stop(): void {
    clearTimeout(this.#resting);
  }
}
