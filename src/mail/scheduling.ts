/**
 * When a message may be tried, as policy or a header says it. The idea: what is not understood is
 * refused by name, never dropped. It does not know what time it is.
 */
import { moment } from '../domain/instant.ts';
import type { Schedule } from '../domain/schedule.ts';
import { readTimeWindow } from '../domain/time-window.ts';

/** RFC 3339, a Date, or ms since 1970. */
export type GivenMoment = string | number | Date;

/** A schedule, as handlers and headers give it; dow, tz, start and end go together. */
export interface GivenSchedule {
  /** RFC 3339. */
  readonly first_attempt?: GivenMoment | null | undefined;
  /** RFC 3339; in place of the queue's max_age. */
  readonly expires?: GivenMoment | null | undefined;
  /** 'Mon,Tue'. */
  readonly dow?: string | readonly string[] | null | undefined;
  /** An IANA name. */
  readonly tz?: string | null | undefined;
  /** 'HH:MM:SS', local time. */
  readonly start?: string | null | undefined;
  readonly end?: string | null | undefined;
}

/** What a schedule comes to. */
export interface Timing {
  /** The first attempt is not to be made before, ms since 1970. */
  readonly dueAt: number | undefined;
  readonly schedule: Schedule | undefined;
}

const WINDOW_KEYS = ['dow', 'tz', 'start', 'end'] as const;
const KEYS: readonly string[] = ['first_attempt', 'expires', ...WINDOW_KEYS];
/** The end of the year 9999. */
const MOMENT_MAX = 253_402_300_799_999;

const isTable = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw);

/** Reads a schedule. Throws a sentence. */
export function readSchedule(raw: unknown): Timing {
  if (!isTable(raw)) {
    throw new TypeError("a schedule is written { first_attempt: ..., expires: ..., dow: 'Mon' }");
  }
  for (const key of Object.keys(raw)) {
    if (!KEYS.includes(key)) throw new TypeError(`schedule: ${key} is unknown`);
  }
  const isGiven = (key: string): boolean => raw[key] !== undefined && raw[key] !== null;
  const dueAt = isGiven('first_attempt') ? readMoment(raw['first_attempt']) : undefined;
  const expires = isGiven('expires') ? readMoment(raw['expires']) : undefined;
  const missing = WINDOW_KEYS.filter((key) => !isGiven(key));
  if (missing.length > 0 && missing.length < WINDOW_KEYS.length) {
    throw new TypeError(`schedule: ${missing.join(', ')} missing; give dow, tz, start and end`);
  }
  if (expires !== undefined && dueAt !== undefined && expires <= dueAt) {
    throw new TypeError('schedule: expires is not after first_attempt');
  }
  const { dow, tz, start, end } = raw;
  const window = missing.length === 0 ? readTimeWindow({ dow, tz, start, end }) : undefined;
  if (expires === undefined && window === undefined) return { dueAt, schedule: undefined };
  return { dueAt, schedule: { expires, window } };
}

/** A point in time that policy gives: RFC 3339, a Date, or milliseconds since 1970. */
export function readMoment(given: unknown): number {
  if (typeof given === 'string') return moment.read(given);
  const at = given instanceof Date ? given.getTime() : given;
  if (typeof at === 'number' && Number.isSafeInteger(at) && at >= 0 && at <= MOMENT_MAX) return at;
  throw new TypeError(`${String(given)} is no time; write it like '2026-01-31T12:00:00Z'`);
}

/** The schedule in the text of a header, JSON. */
export function parseScheduleText(text: string): Timing {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new TypeError('the schedule is no JSON');
  }
  return readSchedule(raw);
}
