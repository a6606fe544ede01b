/**
 * Waiting for the world, but neither longer than was promised nor after a stop.
 * The one idea: what is waited for may go on for ever; who waits does not, and leaves nothing
 * behind. Deliberately unknown here: what is waited for.
 */
import type { Ms } from '../../ports/ports.ts';
import type { Timers } from '../../ports/timers.ts';

/** Why the waiting is over although nothing came. */
export class GivenUp extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'GivenUp';
  }
}

/** How long, until whose signal, and what is said when it was too long. */
export interface Bound {
  readonly timers: Timers;
  readonly waitMsMax: Ms;
  readonly signal: AbortSignal;
  readonly tooLate: string;
}

/** What an answer says after a stop. */
export const STOPPED = 'sending was stopped';

/** The promise's own end, or GivenUp before it. */
export function within<T>(bound: Bound, promise: Promise<T>): Promise<T> {
  const { timers, waitMsMax, signal, tooLate } = bound;
  return new Promise((resolve, reject) => {
    const stop = () => end(() => reject(new GivenUp(STOPPED)));
    const cancel = timers.after(Math.max(0, waitMsMax), () => {
      end(() => reject(new GivenUp(tooLate)));
    });
    const end = (settle: () => void) => {
      cancel();
      signal.removeEventListener('abort', stop);
      settle();
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
  });
}

const REASON_CHARS_MAX = 400;

/** One line for a human: control characters gone, and bounded. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, REASON_CHARS_MAX);
