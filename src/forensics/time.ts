/**
 * Points of a log as operators write them: an instant with its zone, local time, "-10m" before now,
 * a turn or a position. The one idea: a text is read first and looked up in the log after that, so
 * what cannot be meant is said before anything is opened.
 * Deliberately unknown here: what time it is, and the log.
 */
import { parseDuration } from '../domain/duration.ts';

/** A point of the log; `end` is how far it goes. */
export type Moment =
  | { readonly kind: 'instant'; readonly at: number }
  | { readonly kind: 'turn'; readonly turn: number }
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'end' };

/** A text that is no point in time; the message is a sentence with the fix. */
export class NoMoment extends Error {
  override readonly name: string = 'NoMoment';
}

/** A point in time that a log does not reach; the message is a sentence. */
export class BeyondLog extends NoMoment {
  override readonly name = 'BeyondLog';
  /** It lies before what is left of the log. */
  readonly isBefore: boolean;

  constructor(sentence: string, isBefore = false) {
    super(sentence);
    this.isBefore = isBefore;
  }
}

/** How points in time may be written, for help. */
export const MOMENT_FORMS =
  "'2026-01-31T12:03:00Z', local time as '2026-01-31 12:03:00' or '12:03' (today), '-10m' before " +
  "now, 'turn:17', 'position:1234' or '1234', 'now'";

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const CLOCK = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/;
const ZONE = /(?:[Zz]|[+-]\d\d:?\d\d)$/;
const COUNT = /^(?:(turn|position|pos):)?(\d{1,15})$/;

/**
 * Reads a point; `now` is the time of day, ms since 1970. Throws NoMoment, also for what lies after
 * `latest`.
 */
export function readMoment(text: string, now: number, latest = now): Moment {
  if (text === 'now') return { kind: 'end' };
  const counted = COUNT.exec(text);
  if (counted !== null) {
    const value = Number(counted[2]);
    if (counted[1] === 'turn') return { kind: 'turn', turn: value };
    return { kind: 'position', position: value };
  }
  const at = text.startsWith('-') ? now - readSpan(text) : readTime(text, now);
  if (at > latest) throw new NoMoment(`${text} lies in the future; give a time that has passed`);
  return { kind: 'instant', at };
}

function readSpan(text: string): number {
  try {
    return parseDuration(text.slice(1));
  } catch {
    throw new NoMoment(`'${text}' is no span before now; write it like -90s, -10m, -2h or -1d`);
  }
}

const refuse = (text: string): never => {
  throw new NoMoment(`'${text}' is not a point in time; write ${MOMENT_FORMS}`);
};

function readTime(text: string, now: number): number {
  const zone = DATE.test(text) ? undefined : ZONE.exec(text)?.[0];
  const bare = zone === undefined ? text : text.slice(0, -zone.length);
  const [first = '', second] = bare.split(/[Tt ]/);
  const date = DATE.exec(first);
  const clock = CLOCK.exec(date === null ? first : (second ?? '00:00'));
  if (clock === null || (date === null && (second !== undefined || zone !== undefined))) {
    return refuse(text);
  }
  const day = new Date(now);
  const [year, month, date1] =
    date === null
      ? [day.getFullYear(), day.getMonth(), day.getDate()]
      : [Number(date[1]), Number(date[2]) - 1, Number(date[3])];
  const [hour = 0, minute = 0, second1 = 0] = clock.slice(1, 4).map((part) => Number(part ?? 0));
  const ms = Number((clock[4] ?? '').padEnd(3, '0'));
  if (hour > 23 || minute > 59 || second1 > 59) return refuse(text);
  if (zone === undefined) {
    const local = new Date(year, month, date1, hour, minute, second1, ms);
    return local.getMonth() === month && local.getDate() === date1 ? +local : refuse(text);
  }
  const utc = new Date(Date.UTC(year, month, date1, hour, minute, second1, ms));
  if (utc.getUTCMonth() !== month || utc.getUTCDate() !== date1) return refuse(text);
  return +utc - offsetOf(zone);
}

function offsetOf(zone: string): number {
  if (/^[Zz]$/.test(zone)) return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** A log in which points can be looked up. */
export interface Dated {
  readonly first: number;
  readonly last: number;
  positionAt(at: number): number;
  positionOfTurn(turn: number): number;
  find(position: number): { readonly turn: number; readonly at: number } | undefined;
}

/** A point of a log: everything up to and with this position, seen at this instant. */
export interface Point {
  readonly position: number;
  readonly at: number;
}

/**
 * Finds a point. An instant is the end of the last turn that began at it or before it; before the
 * first record there ever was, it is position 0, where nothing has happened. Throws BeyondLog where
 * the log does not reach, or no longer does.
 */
export function findPoint(log: Dated, moment: Moment, now: number): Point {
  const { first, last } = log;
  if (last < first) throw new BeyondLog('the log is empty: nothing has happened yet');
  if (moment.kind === 'end') return { position: last, at: now };
  if (moment.kind === 'instant') {
    const position = log.positionAt(moment.at);
    if (position >= first || first === 1) return { position, at: moment.at };
    const what = `${sayTime(moment.at)} is before ${sayFirst(log)}`;
    throw new BeyondLog(`${what}, where this log begins: what was before has been removed`, true);
  }
  const position = moment.kind === 'turn' ? log.positionOfTurn(moment.turn) : moment.position;
  const record = position < first || position > last ? undefined : log.find(position);
  if (record === undefined || (moment.kind === 'turn' && record.turn !== moment.turn)) {
    const what = moment.kind === 'turn' ? `turn ${moment.turn}` : `position ${moment.position}`;
    throw new BeyondLog(`${what} is not in the log; it has ${sayFirst(log)} to position ${last}`);
  }
  return { position, at: record.at };
}

const sayTime = (at: number): string => new Date(at).toISOString();

const sayFirst = (log: Dated): string => {
  const record = log.find(log.first);
  const when = record === undefined ? '' : ` (turn ${record.turn}, ${sayTime(record.at)})`;
  return `position ${log.first}${when}`;
};
