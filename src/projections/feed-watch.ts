/**
 * Waiting for the log to grow, for many readers at once: one wait at the log, and some milliseconds
 * of patience, so that a busy log is looked at in slices worth the look. Knows no record.
 */
import type { CommittedLog } from '../ports/committed-log.ts';
import type { Ms } from '../ports/ports.ts';
import type { Timers } from '../ports/timers.ts';

interface Waiter {
  readonly after: number;
  readonly task: () => void;
}

/** The waits of all readers. */
export class FeedWatch {
  readonly #log: Pick<CommittedLog, 'upto' | 'whenMore'>;
  readonly #timers: Pick<Timers, 'after' | 'steadyMs'>;
  readonly #waitMs: Ms;
  readonly #waiters = new Set<Waiter>();
  /** The lowest `after` that the log was asked for; undefined while it is not. */
  #asked: number | undefined;
  #cancel: () => void = () => {};
  #toldAtMs = Number.NEGATIVE_INFINITY;
  /** Nobody is told before. */
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    log: Pick<CommittedLog, 'upto' | 'whenMore'>,
    timers: Pick<Timers, 'after' | 'steadyMs'>,
    waitMs: Ms,
  ) {
    this.#log = log;
    this.#timers = timers;
    this.#waitMs = waitMs;
  }

  /** Calls once, later, when there is more behind `after`; answers how to cancel. */
  whenMore(after: number, task: () => void): () => void {
    const waiter = { after, task };
    this.#waiters.add(waiter);
    this.#ask();
    return () => this.#waiters.delete(waiter);
  }

  /** Whoever waits is told in so many milliseconds at the earliest; the shortest rest counts. */
  rest(waitMs: Ms): void {
    const nowMs = this.#timers.steadyMs();
    const untilMs = nowMs + waitMs;
    const isResting = this.#restUntilMs > nowMs;
    this.#restUntilMs = isResting ? Math.min(this.#restUntilMs, untilMs) : untilMs;
  }

  #ask(): void {
    if (this.#waiters.size === 0) return;
    const lowest = Math.min(...[...this.#waiters].map(({ after }) => after));
    if (this.#asked !== undefined && this.#asked <= lowest) return;
    this.#cancel();
    this.#asked = lowest;
    this.#cancel = this.#log.whenMore(lowest, () => this.#grew());
  }

  #grew(): void {
    const dueMs = Math.max(this.#toldAtMs + this.#waitMs, this.#restUntilMs);
    const patienceMs = dueMs - this.#timers.steadyMs();
    this.#cancel = this.#timers.after(Math.max(0, patienceMs), () => this.#tell());
  }

  #tell(): void {
    this.#asked = undefined;
    this.#toldAtMs = this.#timers.steadyMs();
    this.#restUntilMs = Number.NEGATIVE_INFINITY;
    const upto = this.#log.upto();
    for (const waiter of [...this.#waiters]) {
      if (waiter.after < upto && this.#waiters.delete(waiter)) waiter.task();
    }
    this.#ask();
  }
}
