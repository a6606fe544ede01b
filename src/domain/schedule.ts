/**
 * What a message brings along about its time, beyond its first attempt: when it expires, and in
 * which hours it may go out. It is recorded with the acceptance; what follows from it for each
 * attempt is recorded as a due time. Equal windows are kept once: many messages share few.
 */
import type { At } from '../ports/ports.ts';
import { Recent } from './recent.ts';
import type { TimeWindow } from './time-window.ts';

/** When a message may go out. */
export interface Schedule {
  /** In place of the queue's max_age. */
  readonly expires?: At | undefined;
  readonly window?: TimeWindow | undefined;
}

/** Schedules as a snapshot keeps them: windows once each, then message, expiry or 0, window. */
export interface PackedSchedules {
  readonly windows: readonly TimeWindow[];
  /** Number of the message, its expiry (0: none), the place of its window (-1: none). */
  readonly rows: readonly (readonly [number, number, number])[];
}

const WINDOWS_MAX = 4_096;

const textOf = ({ dow, tz, start, end }: TimeWindow): string => `${dow} ${tz} ${start} ${end}`;

/** The schedules of the rows that have one, by slot. */
export class Schedules {
  readonly #bySlot = new Map<number, Schedule>();
  readonly #windows = new Recent<TimeWindow>(WINDOWS_MAX);

  get size(): number {
    return this.#bySlot.size;
  }

  get(slot: number): Schedule | undefined {
    return this.#bySlot.size === 0 ? undefined : this.#bySlot.get(slot);
  }

  set(slot: number, { expires, window }: Schedule): void {
    this.#bySlot.set(slot, { expires, window: window && this.#share(window) });
  }

  delete(slot: number): void {
    if (this.#bySlot.size > 0) this.#bySlot.delete(slot);
  }

  /** For a snapshot; rows go by the numbers of their messages. */
  pack(numberOf: (slot: number) => number): PackedSchedules {
    const places = new Map<string, number>();
    const windows: TimeWindow[] = [];
    const placeOf = (window: TimeWindow): number => {
      const text = textOf(window);
      const place = places.get(text) ?? windows.push(window) - 1;
      places.set(text, place);
      return place;
    };
    const rows = [...this.#bySlot].map(
      ([slot, { expires, window }]) =>
        [numberOf(slot), expires ?? 0, window === undefined ? -1 : placeOf(window)] as const,
    );
    return { windows, rows };
  }

  /** Out of a snapshot; older ones have none. */
  unpack(packed: PackedSchedules | undefined, slotOf: (number: number) => number): void {
    for (const [number, expires, place] of packed?.rows ?? []) {
      this.set(slotOf(number), { expires: expires || undefined, window: packed?.windows[place] });
    }
  }

  #share(window: TimeWindow): TimeWindow {
    const text = textOf(window);
    const known = this.#windows.get(text);
    if (known !== undefined) return known;
    this.#windows.set(text, window);
    return window;
  }
}
