/**
 * The body store as its owner holds it: the `Bodies` port, and the duties around it at start, while
 * running and after damage. The idea: the store keeps no list of what is alive; its owner tells it,
 * once at start and from then on reference by reference.
 * Deliberately unknown here: files, segments' layout, messages.
 */

import type { Bodies, BodyRef, Fault } from './ports.ts';

/** A sealed segment that is mostly dead space. */
export interface SparseSegment {
  readonly segment: number;
  readonly bytes: number;
  readonly liveBytes: number;
  readonly references: number;
}

/** What the store takes on disk and in memory, for gauges. */
export interface BodiesUsage {
  readonly bytes: number;
  readonly liveBytes: number;
  readonly segments: number;
  readonly spares: number;
  /** Bytes handed to `write` and not answered yet. */
  readonly pendingBytes: number;
}

/** What a walk over all segments met; `damage` names at most `DAMAGE_NAMED_MAX` places. */
export interface BodiesScan {
  readonly bodies: number;
  readonly damaged: number;
  readonly damage: readonly Fault[];
}

/** How many damaged places a scan names; the rest is only counted. */
export const DAMAGE_NAMED_MAX = 100;

/** An open body store. */
export interface OpenedBodies extends Bodies {
  /** Every living body was referred to; from now on segments without references are recycled. */
  settle(): void;
  /**
   * The sealed segments to empty by `move`, emptiest first, so that the disk holds at most about
   * twice the living bytes plus a constant; none while that is so. Start no second round while the
   * moves of the first are under way.
   */
  sparse(): readonly SparseSegment[];
  /** Writes a living body anew, like `write`; the old reference stays until it is given back. */
  move(ref: BodyRef, answered: (outcome: BodyRef | Fault) => void): void;
  /** Reads the header kept beside a body; a fault when it cannot be trusted. */
  readHeader(ref: BodyRef, answered: (outcome: string | Fault) => void): void;
  /** Walks every whole record, living or dead, to mend a damaged log; to be run before `settle`. */
  scan(each: (header: string, ref: BodyRef) => void, done: (scan: BodiesScan) => void): void;
  usage(): BodiesUsage;
  /** Flushes what was handed over, then closes; later calls are answered with a fault. */
  close(answered: () => void): void;
}

/** What the store tells its owner, once: its disk cannot be trusted and the process must end. */
export interface BodiesListener {
  failed(fault: Fault): void;
}
