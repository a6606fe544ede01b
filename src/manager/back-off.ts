/**
 * How long to wait before a crashed worker is started again: a tenth of a second, doubled with
 * each crash up to half a minute, and from the beginning again after a minute of health. Holds two
 * numbers; sets no timer.
 */

/** The first wait, ms. */
export const BACK_OFF_MS_MIN = 100;
/** The longest wait, ms. */
export const BACK_OFF_MS_MAX = 30_000;
/** So long in health, ms, and the crashes before are forgotten. */
export const HEALTH_MS = 60_000;

/** The waits of one worker. */
export class BackOff {
  #waitMs = BACK_OFF_MS_MIN;

  /** The wait after a life that was in health for `healthyMs`. */
  next(healthyMs: number): number {
    if (healthyMs >= HEALTH_MS) this.#waitMs = BACK_OFF_MS_MIN;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(BACK_OFF_MS_MAX, waitMs * 2);
    return waitMs;
  }
}
