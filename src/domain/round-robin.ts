/**
 * Weighted round robin. The idea: a threshold falls from the greatest weight in steps of their
 * common divisor, and each turn of the ring serves those at or above it, so that full cycles give
 * exact shares and heavy members are spread out rather than served in runs.
 * Deliberately unknown here: sources, health; the caller leaves out who cannot be used.
 */

/** A member of the ring. */
export interface Weighted {
  readonly weight: number;
}

/** Where the ring stands; lives as long as the queue it belongs to. */
export interface Rotation {
  idx: number;
  /** The current threshold of weight. */
  cw: number;
}

/** A ring at its beginning. */
export function createRotation(): Rotation {
  return { idx: 0, cw: 0 };
}

/** Picks the next member and moves the rotation; members of weight 0 are never picked. */
export function pick<Member extends Weighted>(
  members: readonly Member[],
  rotation: Rotation,
): Member | undefined {
  const eligible = members.every(hasWeight) ? members : members.filter(hasWeight);
  // Nothing to choose between: the state stays, as if this pick had not been.
  if (eligible.length <= 1) return eligible[0];
  const max = eligible.reduce((most, member) => Math.max(most, member.weight), 0);
  const step = eligible.reduce((common, member) => divisor(common, member.weight), 0);
  // After heavy members left, the threshold would fall to the rest one useless turn at a time.
  rotation.cw = Math.min(rotation.cw, max);
  for (;;) {
    rotation.idx = (rotation.idx + 1) % eligible.length;
    if (rotation.idx === 0) {
      rotation.cw = rotation.cw > step ? rotation.cw - step : 0;
      if (rotation.cw === 0) rotation.cw = max;
    }
    const member = eligible[rotation.idx];
    if (member !== undefined && member.weight >= rotation.cw) return member;
  }
}

function hasWeight(member: Weighted): boolean {
  return member.weight > 0;
}

function divisor(a: number, b: number): number {
  let [high, low] = [a, b];
  while (low !== 0) [high, low] = [low, high % low];
  return high;
}
