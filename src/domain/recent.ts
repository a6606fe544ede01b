/**
 * A memory of what was asked lately, of bounded size.
 * The one idea: it forgets half by half. (Taking out the first key of a big map one by one costs a
 * walk over all that was taken out before it.)
 * Deliberately unknown here: what is remembered, and how it is found again once forgotten.
 */

/** Remembers at least the last `max / 2` and at most `max` values by their keys. */
export class Recent<T> {
  readonly #halfMax: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(max: number) {
    this.#halfMax = max / 2;
  }

  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: T): void {
    if (this.#young.size >= this.#halfMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
