/**
 * What is durable of the log hooks of a world: cursors and dead letters. The one idea: as in
 * production a cursor survives a kill when it is saved and a power cut when it is flushed, so what
 * a cut takes is kept apart from what it leaves. Deliberately unknown here: hooks, files.
 */
import type { Cursor, CursorStore } from '../../events/cursor-store.ts';
import { CURSOR_FLUSH_MS } from '../../events/cursor-store.ts';
import type { Timers } from '../../ports/timers.ts';
import type { DeadLetter, DeadLetters } from '../../projections/shipper/dead-letters.ts';
import type { LifeClock } from '../world/clock.ts';

const NO_SPACE = 'no space left';

/** One disk's cursors and dead letters, over all lives. */
export class HookShelf {
  /** By hook. */
  readonly letters = new Map<string, DeadLetter[]>();
  readonly #isFull: () => boolean;
  readonly #story: { noteBegun(name: string, position: number): void };
  #saved = new Map<string, Cursor>();
  #flushed = new Map<string, Cursor>();

  constructor(isFull: () => boolean, story: { noteBegun(name: string, position: number): void }) {
    this.#isFull = isFull;
    this.#story = story;
  }

  /** The power goes; what was not flushed may be on the disk all the same. */
  losePower(isKept: boolean): void {
    if (isKept) this.#flush();
    else this.#saved = new Map(this.#flushed);
  }

  #flush(): void {
    this.#flushed = new Map(this.#saved);
  }

  /** The cursors as one process has them; what a dead one would write stays unwritten. */
  cursors(clock: LifeClock, after: Timers['after']): CursorStore {
    let isFlushDue = false;
    const write = (change: () => void): void => {
      if (clock.isOver) return;
      if (this.#isFull()) throw new Error(NO_SPACE);
      change();
      if (isFlushDue) return;
      isFlushDue = true;
      after(CURSOR_FLUSH_MS, () => {
        isFlushDue = false;
        this.#flush();
      });
    };
    const find = (name: string) => this.#saved.get(name);
    return {
      damage: [],
      hasForgotten: false,
      find,
      list: () => [...this.#saved.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      save: (cursor) =>
        write(() => {
          const isFirst = !this.#saved.has(cursor.name);
          this.#saved.set(cursor.name, cursor);
          if (isFirst) this.#flush();
          this.#story.noteBegun(cursor.name, cursor.position);
        }),
      forget: (name) => write(() => this.#saved.delete(name)),
      tend: () => {},
      close: () => {
        if (!clock.isOver) this.#flush();
      },
    };
  }

  /** Where the dead letters of a hook go; they are durable when that is answered. */
  openLetters(name: string, clock: LifeClock): DeadLetters {
    const kept = this.letters.get(name) ?? [];
    this.letters.set(name, kept);
    return {
      bury: (letters, answered) => {
        if (clock.isOver) return;
        if (this.#isFull()) return answered(NO_SPACE);
        kept.push(...letters);
        answered();
      },
    };
  }
}
