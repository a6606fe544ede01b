/**
 * How long a hook waits after a failed batch: `retry_interval`, doubled with each failure up to
 * `max_retry_interval`, with jitter so that many hooks do not come back in one instant; longer
 * where the receiver asks for it. Counts failures in a row; sets no timer. (Queues count in whole
 * seconds, see domain/retry.ts; a hook may well want to be faster.)
 */
import type { Ms, Random } from '../../ports/ports.ts';
import type { HookShape } from '../hook.ts';

/** No wait is shorter, or a dead receiver would be asked in a loop. */
export const BACK_OFF_MS_MIN = 100;
/** A receiver that asks for more is asked again after this. */
export const RETRY_AFTER_MS_MAX = 24 * 3_600_000;
/** The width of the jitter, as a share of the wait: half of it to either side. */
export const JITTER_SHARE = 0.1;

// 2^40 times the shortest interval is past any cap.
const DOUBLINGS_MAX = 40;

type RetryShape = Pick<HookShape, 'retryIntervalMs' | 'maxRetryIntervalMs'>;

/** The waits of one hook. */
export class BackOff {
  /** Failed batches since the last success. */
  failures = 0;

  /** Counts a failure; answers how long to wait. */
  next(shape: RetryShape, random: Random, retryAfterMs = 0): Ms {
    const waitMs = waitMsOf(shape, this.failures, random);
    this.failures += 1;
    const askedMs = Number.isFinite(retryAfterMs) ? retryAfterMs : 0;
    return Math.max(waitMs, Math.min(askedMs, RETRY_AFTER_MS_MAX));
  }

  reset(): void {
    this.failures = 0;
  }
}

function waitMsOf(shape: RetryShape, failures: number, random: Random): Ms {
  const { retryIntervalMs, maxRetryIntervalMs } = shape;
  const doubled = retryIntervalMs * 2 ** Math.min(failures, DOUBLINGS_MAX);
  const plainMs = Math.max(BACK_OFF_MS_MIN, Math.min(doubled, maxRetryIntervalMs));
  return Math.ceil(plainMs * (1 + JITTER_SHARE * (random.uniform() - 0.5)));
}
