/**
 * How much of the log readers behind the commit still need: their own cursors, and the acceptances
 * of the messages that were alive there. The one idea: what living messages needed is known now and
 * then (with each picture of the books), so the last such note at or before a cursor holds for it.
 * Deliberately unknown here: who reads, segments.
 */

/** One reader's need. */
export interface ReaderNeed {
  /** Its cursor: it has done with everything up to here. */
  readonly position: number;
  /** What lies before is given up for it, whatever it may need. */
  readonly floor: number;
}

/** Before the first word of readers that there are: everything is kept. */
export const NEEDS_ALL: readonly ReaderNeed[] = Object.freeze([{ position: 0, floor: 0 }]);

/** Notes kept; with more, every other one of the older half goes. */
export const FLOOR_NOTES_MAX = 128;

interface FloorNote {
  readonly position: number;
  readonly lowest: number;
}

/** What was needed by the living, by position. */
export class ReaderFloors {
  #notes: FloorNote[] = [];

  /** At `position` living messages needed the log from `lowest` on. */
  note(position: number, lowest: number): void {
    this.#notes.push({ position, lowest });
    if (this.#notes.length <= FLOOR_NOTES_MAX) return;
    const half = FLOOR_NOTES_MAX / 2;
    this.#notes = this.#notes.filter((_, index) => index >= half || index % 2 === 0);
  }

  /** What a reader at `cursor` may need; 0 where that is not known. */
  at(cursor: number): number {
    return this.#notes.findLast(({ position }) => position <= cursor)?.lowest ?? 0;
  }

  /** The lowest position that somebody needs, when the living need the log from `lowest` on. */
  lowestOf(needs: readonly ReaderNeed[], lowest: number): number {
    let needed = lowest;
    for (const { position, floor } of needs) {
      needed = Math.min(needed, Math.max(floor, Math.min(this.at(position), position + 1)));
    }
    this.#forgetBefore(needs);
    return needed;
  }

  /** Notes that are too old for the slowest reader are asked for no more. */
  #forgetBefore(needs: readonly ReaderNeed[]): void {
    const slowest = Math.min(...needs.map(({ position }) => position));
    const index = this.#notes.findLastIndex(({ position }) => position <= slowest);
    if (index > 0) this.#notes.splice(0, index);
  }
}
