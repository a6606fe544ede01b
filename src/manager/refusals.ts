/**
 * What was refused since the manager began: how often, and the last of it, for `waybill status` and
 * the metrics. Decides nothing; the store remembers all of it for longer.
 */
import type { Refusal } from './judging.ts';

/** Counts refusals. */
export class Refusals {
  #count = 0;
  #last: { readonly at: number; readonly number: number; readonly sentence: string } | undefined;

  get count(): number {
    return this.#count;
  }

  /** The last one, as the status shows it. */
  get shown() {
    return this.#last === undefined ? {} : { lastRefusal: this.#last };
  }

  /** One more. */
  add({ number, sentence }: Refusal): void {
    this.#count += 1;
    this.#last = { at: Date.now(), number, sentence };
  }
}
