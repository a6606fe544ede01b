/**
 * Points in time as operators write them.
 * The one idea: a time of day without its offset is refused, for it would be read as local time of
 * whatever machine reads it.
 * Deliberately unknown here: what time it is.
 */
import type { At } from '../ports/ports.ts';
import { OptionValueError, showValue } from './option-error.ts';

// RFC 3339 section 5.6.
const MOMENT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** Reads RFC 3339 text into ms since 1970. */
export function parseInstant(value: unknown): At {
  const at = typeof value === 'string' && MOMENT.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  const fix = "write it like '2026-11-22T15:00:00Z' or '2026-11-22T16:00:00+01:00'";
  throw new OptionValueError(`${showValue(value)} is no point in time`, fix);
}
