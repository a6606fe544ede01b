/**
 * When a message may first be tried, as policy or a header says it. The idea: what the engine
 * cannot keep yet is refused by name, never dropped. It does not know what time it is.
 */
import { moment } from '../domain/instant.ts';

/** A schedule; `dow`, `tz`, `start`, `end` and `expires` of the reference are refused so far. */
export interface Schedule {
  /** RFC 3339. */
  readonly first_attempt?: string | undefined;
}

const REFUSED: Readonly<Record<string, string>> = {
  expires: "give the message's queue a max_age",
  dow: 'give a first_attempt',
  tz: 'give a first_attempt',
  start: 'give a first_attempt',
  end: 'give a first_attempt',
};

const isTable = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw);

/** The point in time of a schedule, ms; undefined where it says none. Throws a sentence. */
export function readSchedule(raw: unknown): number | undefined {
  if (!isTable(raw)) throw new TypeError('a schedule is written { first_attempt: ... }');
  for (const [key, value] of Object.entries(raw)) {
    if (key === 'first_attempt' || value === undefined || value === null) continue;
    const isKnown = Object.hasOwn(REFUSED, key);
    const what = isKnown ? `cannot be kept in this version; ${REFUSED[key]}` : 'is unknown';
    throw new TypeError(`schedule: ${key} ${what}`);
  }
  const first = raw['first_attempt'];
  return first === undefined || first === null ? undefined : readMoment(first);
}

/** A point in time that policy gives: RFC 3339, a Date, or milliseconds since 1970. */
export function readMoment(given: unknown): number {
  if (typeof given === 'string') return moment.read(given);
  const at = given instanceof Date ? given.getTime() : given;
  if (typeof at === 'number' && Number.isSafeInteger(at) && at >= 0) return at;
  throw new TypeError(`${String(given)} is no time; write it like '2026-01-31T12:00:00Z'`);
}

/** The schedule in the text of a header, JSON. */
export function parseScheduleText(text: string): number | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new TypeError('the schedule is no JSON');
  }
  return readSchedule(raw);
}
