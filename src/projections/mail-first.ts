/**
 * Mail goes first: while its thread has no time to spare, readers of the log take a small share of
 * the machine and fall behind; the further behind they are, the larger their share, so that a load
 * that never ends delays records by about a minute at most and withholds none.
 * Deliberately unknown here: threads, how load is measured, what is read.
 */
import type { Ms } from '../ports/ports.ts';

/** How busy both sides are. */
export interface Load {
  /** The part of the time that mail's thread was at work lately, 0 to 1. */
  mail(): number;
  /** The time that the readers' thread was at work so far, ms. */
  ownMs(): Ms;
}

/** From here on mail has no time to spare. */
export const BUSY = 0.75;
/** Readers have this share while they are less than `LAG_MS_FREE` behind. */
export const SHARE_LEAST = 0.05;
/** The share grows from this lag on, ms … */
export const LAG_MS_FREE: Ms = 10_000;
/** … and is a whole thread from this lag on, ms. */
export const LAG_MS_FULL: Ms = 60_000;
/** No wait is so short, ms. */
const ROUNDING_MS: Ms = 1e-6;
/** What was taken beyond the share is remembered up to this, ms. */
export const DEBT_MS_MAX: Ms = 500;

/** The share of a thread that readers may take, by how far behind they are. */
export function shareAt(lagMs: Ms): number {
  const grown = (lagMs - LAG_MS_FREE) / (LAG_MS_FULL - LAG_MS_FREE);
  return Math.min(1, Math.max(SHARE_LEAST, grown));
}

/** Keeps the readers to their share; one for all of a thread. */
export class MailFirst {
  readonly #load: Load;
  readonly #steadyMs: () => Ms;
  #seen: { readonly atMs: Ms; readonly ownMs: Ms };
  #debtMs: Ms = 0;

  constructor(load: Load, steadyMs: () => Ms) {
    this.#load = load;
    this.#steadyMs = steadyMs;
    this.#seen = { atMs: steadyMs(), ownMs: load.ownMs() };
  }

  /** How long somebody who is so far behind is to wait before it reads; 0: it may read now. */
  waitMs(lagMs: Ms): Ms {
    const share = shareAt(lagMs);
    const seen = { atMs: this.#steadyMs(), ownMs: this.#load.ownMs() };
    const taken = seen.ownMs - this.#seen.ownMs;
    const due = share * (seen.atMs - this.#seen.atMs);
    this.#seen = seen;
    const isBusy = this.#load.mail() >= BUSY;
    this.#debtMs = isBusy ? Math.min(DEBT_MS_MAX, Math.max(0, this.#debtMs + taken - due)) : 0;
    // A rest that is only rounding is none.
    return Math.max(0, Math.ceil(this.#debtMs / share - ROUNDING_MS));
  }
}
