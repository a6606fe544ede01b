/**
 * Points in time as operators write them.
 * The one idea: a time of day without its offset is refused, for it would be read as local time of
 * whatever machine reads it.
 * Deliberately unknown here: what time it is.
 */
import type { At } from '../ports/ports.ts';
import { OptionValueError, showValue } from './option-error.ts';
import type { Kind } from './options.ts';

// RFC 3339 section 5.6, with the offset that makes it a point in time.
const MOMENT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

// JavaScript reads the 30th of February as a day in March.
const isDay = (text: string): boolean => {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
};

/** A point in time, in milliseconds since 1970. */
export const moment: Kind<At> = {
  name: 'time',
  schema: { type: 'string', pattern: MOMENT.source },
  read(value) {
    const at = typeof value === 'string' && MOMENT.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isFinite(at) && at >= 0 && isDay(String(value))) return at;
    const fix = "write it like '2026-01-31T12:00:00Z'";
    throw new OptionValueError(`${showValue(value)} is not a time`, fix);
  },
};

/** A date in a header (RFC 5322 section 3.3), in UTC: `Sun, 22 Nov 2026 23:01:02 +0000`. */
export const formatMailDate = (at: At): string =>
  `${new Date(at).toUTCString().slice(0, -'GMT'.length)}+0000`;
