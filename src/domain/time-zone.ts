/**
 * Time zones: how far local time is ahead at a point in time, and when that changes. The idea: the
 * rules are those of the JavaScript engine (Intl), so there is no time zone data of our own; what
 * was decided with them is recorded, and nothing is asked again when a log is read.
 * Deliberately unknown here: what time it is, and windows.
 */

import type { At, Ms } from '../ports/ports.ts';
import { partitionPoint } from './partition-point.ts';

/** No zone changes twice within this span. */
const STEP_MS = 6 * 3_600_000;

/** A time zone. */
export interface TimeZone {
  /** What is to be added for local time, written as if it were UTC. */
  offsetMs(at: At): Ms;
  /** The first change of the offset after `at` and no later than `upto`; undefined: none. */
  findChange(at: At, upto: At): At | undefined;
}

/** The zone of an IANA name ('Europe/Berlin'); undefined where this machine knows none. */
export function findTimeZone(name: string): TimeZone | undefined {
  try {
    return new Zone(name);
  } catch {
    return undefined;
  }
}

class Zone implements TimeZone {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    const whole = 'numeric';
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: whole,
      month: whole,
      day: whole,
      hour: whole,
      minute: whole,
      second: whole,
    });
  }

  offsetMs(at: At): Ms {
    const second = Math.floor(at / 1_000) * 1_000;
    const now = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
    for (const { type, value } of this.#format.formatToParts(second)) {
      if (type in now) now[type as keyof typeof now] = Number(value);
    }
    const { year, month, day, hour, minute } = now;
    return Date.UTC(year, month - 1, day, hour, minute, now.second) - second;
  }

  findChange(at: At, upto: At): At | undefined {
    const offset = this.offsetMs(at);
    for (let from = at; from < upto; ) {
      const next = Math.min(from + STEP_MS, upto);
      if (this.offsetMs(next) !== offset) return this.#bisect(from, next, offset);
      from = next;
    }
    return undefined;
  }

  #bisect(before: At, after: At, offset: Ms): At {
    return partitionPoint(before + 1, after, (at) => this.offsetMs(at) === offset);
  }
}
