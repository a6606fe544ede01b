/**
 * Looking through very many things without holding up mail: a slice of them, then whatever else
 * waits, then the next slice. It reads between turns and changes nothing. Knows nothing of what is
 * looked at.
 */

/** Things looked at in one slice: a few milliseconds at most. */
export const LOOKS_MAX = 2_048;

/** A way through things that are numbered from 0 on; they may change between slices. */
export interface Round {
  /** Runs a task after what waits now. */
  readonly soon: (task: () => void) => void;
  readonly length: number;
  visit(index: number): void;
  done(): void;
}

/** Visits all of them; the first slice comes after what waits now. */
export function lookThrough({ soon, length, visit, done }: Round): void {
  let next = 0;
  const slice = (): void => {
    const end = Math.min(length, next + LOOKS_MAX);
    for (; next < end; next += 1) visit(next);
    if (next < length) soon(slice);
    else done();
  };
  soon(slice);
}
