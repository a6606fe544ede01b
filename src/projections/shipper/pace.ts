/**
 * A rate of a hook as a bucket of its own: how long until so many may go, and using them up.
 * The arithmetic is that of the throttles of mail (domain/throttle.ts); nothing is shared with
 * other processes, for one thread ships for a hook.
 * Deliberately unknown here: timers, whether records or connections are counted.
 */

import { intervalMs, tokensIn, tokenWaitMs } from '../../domain/throttle.ts';
import type { ThrottleSpec } from '../../domain/throttle-spec.ts';
import type { Ms } from '../../ports/ports.ts';

/** Who waits for tokens waits for those of about so long at once, ms, not for each. */
const GATHER_MS = 1_000;

/** One bucket; without a spec everything may go. */
export class Pace {
  #usedUntil = Number.NEGATIVE_INFINITY;

  /** How many of `wanted` may go now; 0 where it is better to wait for some more. */
  allows(spec: ThrottleSpec | undefined, wanted: number, nowMs: Ms): number {
    if (spec === undefined) return wanted;
    const tokens = Math.min(wanted, tokensIn(this.#usedUntil, spec, nowMs));
    return tokens >= gatherOf(spec, wanted) ? tokens : 0;
  }

  /** How long until `allows` says more than 0, ms; 0 when it does. */
  waitMs(spec: ThrottleSpec | undefined, wanted: number, nowMs: Ms): Ms {
    if (spec === undefined || this.allows(spec, wanted, nowMs) > 0) return 0;
    const ahead = (gatherOf(spec, wanted) - 1) * intervalMs(spec);
    return Math.max(1, tokenWaitMs(this.#usedUntil + ahead, spec, nowMs));
  }

  /** Uses up `count`, also more than there are: what comes after waits for it. */
  use(spec: ThrottleSpec | undefined, count: number, nowMs: Ms): void {
    if (spec === undefined) return;
    this.#usedUntil = Math.max(this.#usedUntil, nowMs) + count * intervalMs(spec);
  }
}

function gatherOf(spec: ThrottleSpec, wanted: number): number {
  const atOnce = Math.floor(GATHER_MS / intervalMs(spec));
  return Math.max(1, Math.min(wanted, atOnce, Math.max(1, spec.maxBurst)));
}
