/**
 * Whether the engine still makes turns, judged from one beat to the next: where something lies in
 * the inbox, nothing is on its way to the disk, and no turn came, it stands.
 * A disk that takes long is no reason: what waits for it would wait in the next life as well.
 * It does not know what is done about it.
 */

/** What of an engine's numbers is looked at. */
export interface TurnNumbers {
  readonly turns: number;
  /** Turns on their way to the disk. */
  readonly inFlight: number;
  /** What waits for a turn. */
  readonly inbox: number;
}

/** Looks at an engine now and then. */
export class TurnWatch {
  readonly #read: () => TurnNumbers;
  #seen: TurnNumbers | undefined;

  constructor(read: () => TurnNumbers) {
    this.#read = read;
  }

  /** False when there was something to do since the last look and nothing was done. */
  moves(): boolean {
    const last = this.#seen;
    const now = this.#read();
    this.#seen = now;
    const isWaiting = now.inbox > 0 && now.inFlight === 0;
    return !(isWaiting && last !== undefined && last.inbox > 0 && last.turns === now.turns);
  }
}
