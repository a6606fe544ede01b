/**
 * The hours in which a message may go out: days of the week and a time of day in a time zone. The
 * idea: open is what the wall clock says, so an hour that a change of the clocks skips is never
 * open and one that it brings twice is open twice. It finds the next opening and the end of one.
 * Deliberately unknown here: what time it is, and messages.
 */
import type { At, Ms } from '../ports/ports.ts';
import { OptionValueError, showValue } from './option-error.ts';
import { Recent } from './recent.ts';
import type { TimeZone } from './time-zone.ts';
import { findTimeZone } from './time-zone.ts';

/** A window, as it is recorded: all four in one way of writing. */
export interface TimeWindow {
  /** 'Mon,Tue': days on which it opens. */
  readonly dow: string;
  /** An IANA name. */
  readonly tz: string;
  /** '09:00:00'. */
  readonly start: string;
  /** '17:00:00', the first second outside; before `start`: of the day after. '24:00:00' at most. */
  readonly end: string;
}

const DAY_NAMES = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const TIME_OF_DAY = /^([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?$/;
const TZ_CHARS_MAX = 64;
const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday. */
const DAY_OF_EPOCH = 4;

function readDays(raw: unknown): string {
  const list = typeof raw === 'string' ? raw.split(',') : raw;
  const fix = "write it like 'Mon,Tue,Fri'";
  if (!Array.isArray(list) || list.length === 0) {
    throw new OptionValueError(`dow: ${showValue(raw)} is no list of days`, fix);
  }
  const named = list.map((one: unknown) => {
    const name = typeof one === 'string' ? one.trim().toLowerCase() : '';
    const at = DAY_NAMES.findIndex((day) => name === day || name === day.slice(0, 3));
    if (at < 0) throw new OptionValueError(`dow: ${showValue(one)} is no day`, fix);
    return at;
  });
  return DAYS.filter((_day, at) => named.includes(at)).join(',');
}

function readTimeOfDay(raw: unknown, key: string): string {
  const match = typeof raw === 'string' ? TIME_OF_DAY.exec(raw) : null;
  const [text = '', hour, minute, second = '00'] = match ?? [];
  const isPast = hour === '24' && (minute !== '00' || second !== '00');
  if (text !== '' && !isPast && !(hour === '24' && key === 'start')) {
    return `${hour}:${minute}:${second}`;
  }
  throw new OptionValueError(`${key}: ${showValue(raw)} is no time of day`, "write '09:00:00'");
}

function readZone(raw: unknown): string {
  const isName = typeof raw === 'string' && raw !== '' && raw.length <= TZ_CHARS_MAX;
  if (isName && findTimeZone(raw) !== undefined) return raw;
  const fix = "write a name like 'Europe/Berlin' or 'UTC'";
  throw new OptionValueError(`tz: ${showValue(raw)} is no time zone`, fix);
}

/** Reads a window; throws OptionValueError, which names the key. */
export function readTimeWindow(raw: Readonly<Record<keyof TimeWindow, unknown>>): TimeWindow {
  const dow = readDays(raw.dow);
  const tz = readZone(raw.tz);
  const start = readTimeOfDay(raw.start, 'start');
  const end = readTimeOfDay(raw.end, 'end');
  if (start !== end) return { dow, tz, start, end };
  const fix = "for whole days write start '00:00:00' and end '24:00:00'";
  throw new OptionValueError(`start and end are both ${start}`, fix);
}

const msOfDay = (text: string): Ms => {
  const [hours, minutes, seconds] = text.split(':').map(Number) as [number, number, number];
  return ((hours * 60 + minutes) * 60 + seconds) * 1_000;
};

/** From `from` up to `upto`, all of it within or all of it without. */
interface Span {
  readonly from: At;
  readonly upto: At;
}

const NO_SPAN: Span = { from: 0, upto: 0 };
const isIn = ({ from, upto }: Span, at: At): boolean => from <= at && at < upto;

/** A window made ready for questions; local times are written as if they were UTC. */
class Hours {
  readonly #days: readonly boolean[];
  readonly #fromMs: Ms;
  readonly #lengthMs: Ms;
  readonly zone: TimeZone;
  /** What was found out last: it answers most of the questions that follow. */
  open = NO_SPAN;
  shut = NO_SPAN;

  constructor({ dow, start, end }: TimeWindow, zone: TimeZone) {
    this.#days = DAYS.map((day) => dow.includes(day));
    this.#fromMs = msOfDay(start);
    const lengthMs = msOfDay(end) - this.#fromMs;
    this.#lengthMs = lengthMs > 0 ? lengthMs : lengthMs + DAY_MS;
    this.zone = zone;
  }

  /** The first local time from `local` on that is within. */
  nextWithin(local: number): number {
    const first = Math.floor(local / DAY_MS) - 1;
    for (let day = first; day <= first + DAYS.length + 1; day += 1) {
      const from = this.#opening(day);
      if (from !== undefined && from + this.#lengthMs > local) return Math.max(from, local);
    }
    return LAST_AT;
  }

  /** The first local time after `local`, which is within, that is not; Infinity: there is none. */
  nextWithout(local: number): number {
    const first = Math.floor(local / DAY_MS) - 1;
    let end = local;
    for (let day = first; day <= first + DAYS.length + 1; day += 1) {
      const from = this.#opening(day);
      if (from !== undefined && from <= end) end = Math.max(end, from + this.#lengthMs);
    }
    return end >= (first + DAYS.length + 2) * DAY_MS ? Number.POSITIVE_INFINITY : end;
  }

  #opening(day: number): number | undefined {
    const weekday = (((day + DAY_OF_EPOCH) % 7) + 7) % 7;
    return this.#days[weekday] === true ? day * DAY_MS + this.#fromMs : undefined;
  }
}

/** Windows remembered, and zones. */
const WINDOWS_MAX = 1_024;
/** The end of the year 9999: no calendar goes beyond it, and what waits so long waits. */
const LAST_AT = 253_402_300_799_999;
/** Changes of the clocks that a search goes past: more lie in no window's way. */
const CHANGES_MAX = 64;

/** Answers about windows. What it remembers is bounded. */
export class Calendar {
  readonly #known = new Recent<Hours>(WINDOWS_MAX);
  readonly #zones = new Recent<TimeZone>(WINDOWS_MAX / 4);

  /** `at`, or the next time at which the window is open. */
  opens(window: TimeWindow, at: At): At {
    if (at >= LAST_AT) return at;
    const hours = this.#hoursOf(window);
    if (isIn(hours.open, at)) return at;
    if (isIn(hours.shut, at)) return hours.shut.upto;
    const opensAt = findOpening(hours, at);
    if (opensAt > at) hours.shut = { from: at, upto: opensAt };
    return opensAt;
  }

  isOpen(window: TimeWindow, at: At): boolean {
    return this.opens(window, at) === at;
  }

  /** When a window that is open at `at` is so no more; Infinity: never. */
  closes(window: TimeWindow, at: At): At {
    const hours = this.#hoursOf(window);
    if (!isIn(hours.open, at)) hours.open = { from: at, upto: findEnd(hours, at) };
    return hours.open.upto;
  }

  #hoursOf(window: TimeWindow): Hours {
    const { dow, tz, start, end } = window;
    const key = `${dow} ${tz} ${start} ${end}`;
    let hours = this.#known.get(key);
    if (hours === undefined) {
      hours = new Hours(window, this.#zoneOf(tz));
      this.#known.set(key, hours);
    }
    return hours;
  }

  // A zone that was known when the message came may be unknown to another version of the platform.
  #zoneOf(name: string): TimeZone {
    const known = this.#zones.get(name);
    if (known !== undefined) return known;
    const zone = findTimeZone(name) ?? (findTimeZone('UTC') as TimeZone);
    this.#zones.set(name, zone);
    return zone;
  }
}

function findOpening(hours: Hours, at: At): At {
  const { zone } = hours;
  let from = at;
  for (let changes = 0; changes < CHANGES_MAX; changes += 1) {
    const offset = zone.offsetMs(from);
    const wanted = hours.nextWithin(from + offset) - offset;
    const change = zone.findChange(from, wanted);
    if (change === undefined) return wanted;
    from = change;
  }
  return from;
}

function findEnd(hours: Hours, at: At): At {
  const { zone } = hours;
  let from = at;
  for (let changes = 0; changes < CHANGES_MAX; changes += 1) {
    const offset = zone.offsetMs(from);
    const wanted = hours.nextWithout(from + offset) - offset;
    if (wanted === Number.POSITIVE_INFINITY) return wanted;
    const change = zone.findChange(from, wanted);
    if (change === undefined) return wanted;
    const local = change + zone.offsetMs(change);
    if (hours.nextWithin(local) !== local) return change;
    from = change;
  }
  return from;
}
