/**
 * Dates of mail (RFC 5322 section 3.3), with the obsolete forms that old servers still write
 * (section 4.3): years of two or three digits and names of zones. The one idea: a date that is not
 * exactly of this form is none, rather than whatever a lenient reader makes of it.
 * Deliberately unknown here: what time it is.
 */
import type { At } from '../ports/ports.ts';

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DATE = new RegExp(
  '^(?:(?:mon|tue|wed|thu|fri|sat|sun),?\\s+)?(\\d{1,2})[ -]+([a-z]{3})[ -]+(\\d{2,4})\\s+' +
    '(\\d{1,2}):(\\d{2})(?::(\\d{2}))?(?:\\.\\d+)?\\s+' +
    '([+-]\\d{4}|[a-z]{1,5})(?:\\s*\\([^()]*\\))*$',
  'i',
);

/** Hours from UTC (RFC 5322 section 4.3); a zone that nobody knows is taken for UTC there. */
const ZONES: Readonly<Record<string, number>> = {
  edt: -4,
  est: -5,
  cdt: -5,
  cst: -6,
  mdt: -6,
  mst: -7,
  pdt: -7,
  pst: -8,
};
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function zoneMs(zone: string): number {
  if (!/^[+-]/.test(zone)) return (ZONES[zone.toLowerCase()] ?? 0) * HOUR_MS;
  const sign = zone.startsWith('-') ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * HOUR_MS + Number(zone.slice(3)) * MINUTE_MS);
}

// RFC 5322 section 4.3: 00 to 49 are of this century, all others count from 1900.
function yearOf(digits: string): number {
  const year = Number(digits);
  if (digits.length === 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

/** Reads a date; undefined where it is none. */
export function parseMailDate(text: string): At | undefined {
  const [, day = '', name = '', year = '', hour, minute, second = '0', zone = ''] =
    DATE.exec(text.trim()) ?? [];
  const month = MONTHS.indexOf(name.toLowerCase());
  if (month < 0) return undefined;
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  const midnight = Date.UTC(yearOf(year), month, Number(day));
  const isDay = new Date(midnight).getUTCDate() === Number(day);
  if (!isDay || h > 23 || m > 59 || s > 60) return undefined;
  const at = midnight + h * HOUR_MS + m * MINUTE_MS + s * 1000 - zoneMs(zone);
  return at >= 0 ? at : undefined;
}
