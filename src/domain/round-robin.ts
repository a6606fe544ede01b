/**
 * Weighted round robin. The idea: a threshold falls from the greatest weight in steps of their
 * common divisor, and each turn of the ring serves those at or above it, so that full cycles give
 * exact shares and heavy members are spread out rather than served in runs. A pick costs a few
 * steps along the ring and allocates nothing; one ring serves many rotations.
 * Deliberately unknown here: sources, health; the caller leaves out who cannot be used.
 */

/** A member of the ring. */
export interface Weighted {
  /** At least 1. */
  readonly weight: number;
}

/** Where a ring stands; lives as long as the queue it belongs to. */
export interface Rotation {
  idx: number;
  /** The current threshold of weight. */
  cw: number;
}

/** A rotation at its beginning. */
export function createRotation(): Rotation {
  return { idx: 0, cw: 0 };
}

/** Members in their order; those refused in the selection under way are passed over. */
export class Ring<Member extends Weighted> {
  readonly members: readonly Member[];
  readonly #max: number;
  readonly #step: number;
  /** By member: the selection that last refused it. */
  readonly #refusedIn: Uint32Array;
  #selection = 1;
  #left: number;

  constructor(members: readonly Member[]) {
    this.members = members.filter(({ weight }) => weight > 0);
    this.#max = this.members.reduce((most, { weight }) => Math.max(most, weight), 0);
    this.#step = this.members.reduce((common, { weight }) => divisor(common, weight), 0);
    this.#refusedIn = new Uint32Array(this.members.length);
    this.#left = this.members.length;
  }

  /** A new selection: nobody is refused. */
  begin(): void {
    this.#left = this.members.length;
    this.#selection += 1;
    if (this.#selection < 2 ** 32) return;
    this.#refusedIn.fill(0);
    this.#selection = 1;
  }

  /** Leaves a member out of the selection under way. */
  refuse(index: number): void {
    if (this.isRefused(index)) return;
    this.#refusedIn[index] = this.#selection;
    this.#left -= 1;
  }

  /** The index of the next member, and moves the rotation; -1 when all were refused. */
  pick(rotation: Rotation): number {
    const count = this.members.length;
    // Nothing to choose between: the state stays, as if this pick had not been.
    if (this.#left <= 1) return this.#left === 1 ? this.#onlyOne() : -1;
    // After heavy members left, the threshold would fall to the rest one useless turn at a time.
    let cw = Math.min(rotation.cw, this.#max);
    let idx = rotation.idx % count;
    let turns = 0;
    for (;;) {
      idx = idx + 1 < count ? idx + 1 : 0;
      if (idx === 0) {
        cw = cw > this.#step ? cw - this.#step : 0;
        if (cw === 0) cw = this.#max;
        turns += 1;
        // A whole turn found nobody: as far down as the heaviest that is left.
        if (turns > 1) cw = Math.min(cw, this.#maxLeft());
      }
      if (this.#refusedIn[idx] === this.#selection || this.#weightOf(idx) < cw) continue;
      rotation.idx = idx;
      rotation.cw = cw;
      return idx;
    }
  }

  /** True for a member left out of the selection under way. */
  isRefused(index: number): boolean {
    return this.#refusedIn[index] === this.#selection;
  }

  #weightOf(index: number): number {
    return (this.members[index] as Member).weight;
  }

  #onlyOne(): number {
    let index = 0;
    while (this.isRefused(index)) index += 1;
    return index;
  }

  #maxLeft(): number {
    let most = 0;
    for (let index = 0; index < this.members.length; index += 1) {
      if (!this.isRefused(index)) most = Math.max(most, this.#weightOf(index));
    }
    return most;
  }
}

function divisor(a: number, b: number): number {
  let [high, low] = [a, b];
  while (low !== 0) [high, low] = [low, high % low];
  return high;
}
