/**
 * Rates and connection limits as operators write them: `local:1,000/hr,max_burst=10`, `local:32`.
 * The idea: one canonical text per meaning, because that text is part of the key under which a
 * rate is counted; a changed spec must start a fresh bucket and an unchanged one must not.
 * Deliberately unknown here: how rates are enforced, and what is being limited.
 */

import type { Ms } from '../ports/ports.ts';
import { OptionValueError, showValue } from './option-error.ts';

/** At most `limit` in `periodMs`, at most `maxBurst` at once; `local` is never shared. */
export interface ThrottleSpec {
  readonly limit: number;
  readonly periodMs: Ms;
  readonly maxBurst: number;
  readonly local: boolean;
}

/** At most `limit` at the same time; `local` is never shared between workers. */
export interface LimitSpec {
  readonly limit: number;
  readonly local: boolean;
}

const LOCAL = 'local:';
const BURST = ',max_burst=';
const THROTTLE_FIX = "write it like '10/s', '1,000/hr', 'local:100/5m' or '50/d,max_burst=1'";
const LIMIT_FIX = "write a whole number of at least 1, or text like '1,000' or 'local:10'";

// `seconds` is in the reference's manual though not in its code; the other plurals are in neither.
const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([
  ...['s', 'sec', 'second', 'seconds'].map((name) => [name, 1] as const),
  ...['m', 'min', 'minute'].map((name) => [name, 60] as const),
  ...['h', 'hr', 'hour'].map((name) => [name, 3_600] as const),
  ...['d', 'day'].map((name) => [name, 86_400] as const),
]);
const CANONICAL: ReadonlyMap<number, string> = new Map([
  [1, 's'],
  [60, 'm'],
  [3_600, 'h'],
  [86_400, 'd'],
]);

/** Reads `[local:]limit/[count]unit[,max_burst=n]`. */
export function parseThrottle(value: unknown): ThrottleSpec {
  if (typeof value !== 'string') {
    throw new OptionValueError(`${showValue(value)} is not a rate`, THROTTLE_FIX);
  }
  const local = value.startsWith(LOCAL);
  const rate = local ? value.slice(LOCAL.length) : value;
  const [head, burst] = splitFirst(rate, BURST);
  const [limitText, period] = splitFirst(head, '/');
  if (period === undefined) {
    throw new OptionValueError(`rate '${value}' has no '/': expected 'limit/period'`, THROTTLE_FIX);
  }
  const limit = count(limitText, value, THROTTLE_FIX);
  if (limit === 0) {
    throw new OptionValueError(`rate '${value}' has a limit of 0`, 'use at least 1');
  }
  const maxBurst = burst === undefined ? limit : count(burst, value, THROTTLE_FIX);
  return { limit, periodMs: parsePeriod(period, value), maxBurst, local };
}

function parsePeriod(text: string, whole: string): Ms {
  const match = /^(\d*)([a-z]+)$/.exec(text);
  const seconds = match === null ? undefined : UNIT_SECONDS.get(match[2] ?? '');
  if (match === null || seconds === undefined) {
    throw new OptionValueError(`rate '${whole}' has an unknown period '${text}'`, THROTTLE_FIX);
  }
  const times = match[1] === '' ? 1 : Number(match[1]);
  const periodMs = times * seconds * 1_000;
  // A period of nothing would divide by zero wherever the interval is computed.
  if (periodMs === 0) {
    throw new OptionValueError(`rate '${whole}' has a period of 0`, 'use at least 1s');
  }
  if (!Number.isSafeInteger(periodMs)) {
    throw new OptionValueError(`rate '${whole}' has too long a period`, 'shorten it');
  }
  return periodMs;
}

/** Writes the canonical text of a rate: equal rates have equal texts. */
export function formatThrottle(spec: ThrottleSpec): string {
  const seconds = spec.periodMs / 1_000;
  const period = CANONICAL.get(seconds) ?? `${seconds}s`;
  // The burst is the limit unless said otherwise, so saying so adds nothing.
  const burst = spec.maxBurst === spec.limit ? '' : `${BURST}${spec.maxBurst}`;
  return `${spec.local ? LOCAL : ''}${spec.limit}/${period}${burst}`;
}

/** Reads a connection limit: 32, '1,000', 'local:10' or {limit, force_local}. */
export function parseLimit(value: unknown): LimitSpec {
  if (typeof value === 'string') {
    const local = value.startsWith(LOCAL);
    const limit = count(local ? value.slice(LOCAL.length) : value, value, LIMIT_FIX);
    return { limit: atLeastOne(limit, value), local };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return limitFromTable(new Map(Object.entries(value)), value);
  }
  return { limit: atLeastOne(value, value), local: false };
}

function limitFromTable(table: ReadonlyMap<string, unknown>, value: object): LimitSpec {
  for (const key of table.keys()) {
    if (key !== 'limit' && key !== 'force_local') {
      throw new OptionValueError(`unknown key '${key}' in a limit`, 'use limit and force_local');
    }
  }
  const local = table.get('force_local') ?? false;
  if (typeof local !== 'boolean') {
    throw new OptionValueError(`force_local ${showValue(local)} is not true or false`, LIMIT_FIX);
  }
  return { limit: atLeastOne(table.get('limit'), value), local };
}

/** Writes a connection limit the way it is read: `32`, `local:10`. */
export function formatLimit(spec: LimitSpec): string {
  return `${spec.local ? LOCAL : ''}${spec.limit}`;
}

function atLeastOne(limit: unknown, written: unknown): number {
  const number = typeof limit === 'bigint' ? Number(limit) : limit;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) {
    throw new OptionValueError(`${showValue(written)} is not a limit`, LIMIT_FIX);
  }
  return number;
}

function count(text: string, whole: string, fix: string): number {
  const digits = text.replace(/[_,]/g, '');
  const number = Number(digits);
  if (!/^\d+$/.test(digits) || !Number.isSafeInteger(number)) {
    throw new OptionValueError(`'${text}' in '${whole}' is not a whole number`, fix);
  }
  return number;
}

function splitFirst(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}
