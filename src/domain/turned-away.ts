/**
 * Places in time for those whom a rate turned away and who wait each for themselves: one interval
 * after the other, so that they do not all come back for the same token. Nothing is granted here:
 * who comes back asks again. Deliberately unknown here: rates' buckets, and what waits.
 */

/** Those who wait for one rate are spread over this, and begin again after it, ms. */
const SPREAD_MS_MAX = 60_000;
/** Rates after which those whose places have passed are forgotten. */
const RATES_MAX = 10_000;

/** The places of all rates. */
export class TurnedAway {
  readonly #lastAt = new Map<string, number>();

  /**
   * When to come back: `ownAt` for the first, one `intervalMs` later for each of the next, round
   * and round within the spread; one place for each that may pass, and none where nobody comes.
   */
  place(key: string, intervalMs: number, ownAt: number): number {
    const lastAt = this.#lastAt.get(key) ?? 0;
    // Whole milliseconds, or rounding would have each come a little before its time.
    const next = Math.max(ownAt, Math.ceil(lastAt + intervalMs));
    const at = next > ownAt + SPREAD_MS_MAX ? ownAt : next;
    if (this.#lastAt.size > RATES_MAX) this.#forget(ownAt);
    this.#lastAt.set(key, at);
    return at;
  }

  #forget(now: number): void {
    for (const [key, at] of this.#lastAt) if (at <= now) this.#lastAt.delete(key);
  }
}
