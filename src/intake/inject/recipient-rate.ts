/**
 * The rate of recipients over all listeners: requests above it wait in line, a bounded number of
 * them and for a bounded time. The idea: a request is let in when every one of its recipients has
 * been counted, a burst at a time, so the rate holds whatever the size of requests; one that could
 * not be let in within that time is refused at once. Knows neither HTTP nor who counts.
 */
import type { NamedRate } from '../../domain/throttle.ts';
import { intervalMs } from '../../domain/throttle.ts';
import type { ThrottleSpec } from '../../domain/throttle-spec.ts';
import type { Quotas, Taken } from '../../ports/quotas.ts';
import { RATE_WAIT_MS_MAX, RATE_WAITERS_MAX } from './limits.ts';

/** The name under which it is counted, also by other daemons that share it. */
export const RECIPIENT_RATE_NAME = 'kumomta.httpinject.ratelimit';

/** Let in, or when to come again. */
export type Admission =
  | { readonly kind: 'in' }
  | { readonly kind: 'later'; readonly waitMs: number }
  | { readonly kind: 'never'; readonly why: string };

/** Whom the rate lets in, and when. */
export class RecipientRate {
  readonly #rates: readonly NamedRate[];
  readonly #spec: ThrottleSpec | undefined;
  readonly #quotas: Quotas;
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(spec: ThrottleSpec | undefined, quotas: Quotas) {
    this.#spec = spec;
    this.#rates = spec === undefined ? [] : [{ name: RECIPIENT_RATE_NAME, spec }];
    this.#quotas = quotas;
  }

  /** Waits until a request of so many recipients may be taken, first come, first served. */
  async admit(recipients: number, isGone: () => boolean): Promise<Admission> {
    const spec = this.#spec;
    if (spec === undefined || recipients === 0) return { kind: 'in' };
    const burst = Math.max(1, spec.maxBurst);
    const leastMs = Math.max(0, recipients - burst) * intervalMs(spec);
    if (leastMs > RATE_WAIT_MS_MAX) {
      const most = burst + Math.floor(RATE_WAIT_MS_MAX / intervalMs(spec));
      const tooMany = `${recipients} recipients are more than the rate lets in at once`;
      return { kind: 'never', why: `${tooMany}; send ${most} or less` };
    }
    if (this.#waiting >= RATE_WAITERS_MAX) return { kind: 'later', waitMs: RATE_WAIT_MS_MAX };
    this.#waiting += 1;
    const deadline = performance.now() + RATE_WAIT_MS_MAX;
    const admitted = this.#line.then(() => this.#takeAll(recipients, deadline, isGone));
    this.#line = admitted.catch(() => {});
    return await admitted.finally(() => {
      this.#waiting -= 1;
    });
  }

  async #takeAll(wanted: number, deadline: number, isGone: () => boolean): Promise<Admission> {
    const had: { readonly count: number; readonly at: number }[] = [];
    let left = wanted;
    while (left > 0) {
      const taken = await this.#take(left);
      if (taken.granted > 0) had.push({ count: taken.granted, at: taken.at });
      left -= taken.granted;
      if (left <= 0) break;
      const waitMs = Math.max(1, taken.waitMs);
      if (isGone() || performance.now() + waitMs > deadline) {
        for (const { count, at } of had) this.#quotas.giveBack(this.#rates, count, at);
        return {
          kind: 'later',
          waitMs: Math.max(waitMs, left * intervalMs(this.#spec as ThrottleSpec)),
        };
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    return { kind: 'in' };
  }

  #take(count: number): Promise<Taken> {
    return new Promise((resolve) => this.#quotas.take(this.#rates, count, resolve));
  }
}
