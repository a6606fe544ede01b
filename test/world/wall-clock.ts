/**
 * Windows as a person with a clock on the wall judges them: the day and the time of day, read off
 * for one point in time. The second opinion for laws about windows; it searches nothing.
 */
import type { TimeWindow } from '../../src/domain/time-window.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(tz: string): Intl.DateTimeFormat {
  const known = clocks.get(tz);
  if (known !== undefined) return known;
  const two = '2-digit';
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: tz,
    weekday: 'short',
    hour: two,
    minute: two,
    second: two,
    hourCycle: 'h23',
  });
  clocks.set(tz, clock);
  return clock;
}

/** Day ('Mon') and time of day ('09:00:00') in a zone. */
export function readWall(tz: string, at: number): { day: string; time: string } {
  const parts = new Map(
    clockOf(tz)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const time = `${parts.get('hour')}:${parts.get('minute')}:${parts.get('second')}`;
  return { day: parts.get('weekday') ?? '', time };
}

/** Whether a window is open. */
export function isOpenByWall({ dow, tz, start, end }: TimeWindow, at: number): boolean {
  const { day, time } = readWall(tz, at);
  const isDay = dow.includes(day);
  if (start < end) return isDay && start <= time && time < end;
  const before = DAYS[(DAYS.indexOf(day) + 6) % 7] as string;
  return (isDay && start <= time) || (dow.includes(before) && time < end);
}

/** Zones with changes of the clock of an hour, half an hour, none, and odd offsets. */
export const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Africa/Casablanca',
  'Pacific/Apia',
  'UTC',
] as const;

/** Points in time at which clocks changed or will: of the zones above, in 2026; and a lost day. */
export const CHANGES: readonly number[] = [
  '2026-03-29T01:00:00Z',
  '2026-10-25T01:00:00Z',
  '2026-03-08T07:00:00Z',
  '2026-11-01T06:00:00Z',
  '2026-04-04T15:00:00Z',
  '2026-10-03T15:30:00Z',
  '2026-02-15T02:00:00Z',
  '2011-12-30T10:00:00Z',
].map((text) => Date.parse(text));
