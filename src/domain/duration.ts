/**
 * Spans of time as operators write them: seconds as a number, or text such as `1h 30m`.
 * The idea: arithmetic in whole nanoseconds (BigInt), so that `4.2s` is exact and an inexact
 * fraction is refused rather than rounded; the result is rounded up to whole milliseconds.
 * Deliberately unknown here: clocks, schedules, which option is being read.
 */

import type { Ms } from '../ports/ports.ts';
import { OptionValueError, showValue } from './option-error.ts';

const NS_PER_MS = 1_000_000n;
const NS_PER_S = 1_000_000_000n;
const FIX = "write seconds as a number, or text like '90s', '1h 30m', '7 days'";

const UNIT_NAMES: readonly (readonly [string, bigint])[] = [
  ['ns nsec nanos', 1n],
  ['us usec µs', 1_000n],
  ['ms msec millis', NS_PER_MS],
  ['s sec secs second seconds', NS_PER_S],
  ['m min mins minute minutes', 60n * NS_PER_S],
  ['h hr hrs hour hours', 3_600n * NS_PER_S],
  ['d day days', 86_400n * NS_PER_S],
  ['w wk wks week weeks', 604_800n * NS_PER_S],
  ['M month months', 2_630_016n * NS_PER_S],
  ['y yr yrs year years', 31_557_600n * NS_PER_S],
];
const UNITS = new Map(
  UNIT_NAMES.flatMap(([names, ns]) => names.split(' ').map((name) => [name, ns] as const)),
);

// Whitespace between digits is skipped by the format: `1 0s` is ten seconds.
const SPAN = /(\d[\d\s]*)(?:\.([\d\s]*))?([A-Za-zµ]+)\s*/y;

/** Reads a span: a number of seconds, or humantime text; whole milliseconds, rounded up. */
export function parseDuration(value: unknown): Ms {
  if (typeof value === 'number') return fromSeconds(value);
  if (typeof value === 'bigint') return toMs(value * NS_PER_S, value);
  if (typeof value === 'string') return fromText(value);
  throw new OptionValueError(`${showValue(value)} is not a duration`, FIX);
}

function fromSeconds(seconds: number): Ms {
  if (!Number.isFinite(seconds)) {
    throw new OptionValueError(`${showValue(seconds)} is not a duration`, FIX);
  }
  if (seconds * 1_000 > Number.MAX_SAFE_INTEGER) throw tooLong(seconds);
  // What is beyond all numbers in nanoseconds makes no whole one.
  if (seconds * 1_000 < -Number.MAX_SAFE_INTEGER) throw negative(seconds);
  // Nanoseconds first: 0.1 + 0.2 must not become 301 ms by rounding up the float's dust.
  return toMs(BigInt(Math.round(seconds * 1e9)), seconds);
}

function toMs(ns: bigint, written: unknown): Ms {
  if (ns < 0n) throw negative(written);
  const ms = (ns + NS_PER_MS - 1n) / NS_PER_MS;
  if (ms > BigInt(Number.MAX_SAFE_INTEGER)) throw tooLong(written);
  return Number(ms);
}

function negative(written: unknown): OptionValueError {
  return new OptionValueError(`${showValue(written)} is a negative duration`, FIX);
}

function tooLong(written: unknown): OptionValueError {
  return new OptionValueError(`${showValue(written)} is too long a duration`, 'shorten it');
}

function fromText(text: string): Ms {
  if (text === '0') return 0;
  const trimmed = text.trim();
  if (trimmed === '') throw new OptionValueError('the duration is empty', FIX);
  let ns = 0n;
  SPAN.lastIndex = 0;
  while (SPAN.lastIndex < trimmed.length) {
    const match = SPAN.exec(trimmed);
    if (match === null) {
      const problem = /^[\d\s]+$/.test(trimmed)
        ? `duration ${showValue(text)} has no unit`
        : `${showValue(text)} is not a duration`;
      throw new OptionValueError(problem, FIX);
    }
    ns += spanNs(match[1] ?? '', match[2], match[3] ?? '', text);
  }
  return toMs(ns, text);
}

function spanNs(whole: string, fraction: string | undefined, unit: string, text: string): bigint {
  const unitNs = UNITS.get(unit);
  if (unitNs === undefined) {
    throw new OptionValueError(`${showValue(text)} has an unknown unit '${unit}'`, FIX);
  }
  const base = BigInt(whole.replace(/\s+/g, '')) * unitNs;
  if (fraction === undefined) return base;
  const digits = fraction.replace(/\s+/g, '');
  if (digits === '') throw new OptionValueError(`${showValue(text)} ends its number in '.'`, FIX);
  const share = BigInt(digits) * unitNs;
  const parts = 10n ** BigInt(digits.length);
  // From the hour up a fraction must come out in whole seconds, below it in whole nanoseconds.
  const grain = unitNs >= 3_600n * NS_PER_S ? NS_PER_S : 1n;
  if (unitNs === 1n || share % (parts * grain) !== 0n) {
    throw new OptionValueError(`${showValue(text)} is not exact`, 'use a smaller unit');
  }
  return base + share / parts;
}

const WRITTEN: readonly (readonly [string, string, Ms])[] = [
  ['year', 'years', 31_557_600_000],
  ['month', 'months', 2_630_016_000],
  ['day', 'days', 86_400_000],
  ['h', 'h', 3_600_000],
  ['m', 'm', 60_000],
  ['s', 's', 1_000],
  ['ms', 'ms', 1],
];

/** Writes a span the way it is read: `2h 37m`, `7days`, `1month 2days`, `0s`. */
export function formatDuration(ms: Ms): string {
  let rest = Math.max(0, Math.round(ms));
  const parts: string[] = [];
  for (const [one, many, unitMs] of WRITTEN) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) parts.push(`${count}${count === 1 ? one : many}`);
    rest -= count * unitMs;
  }
  return parts.length === 0 ? '0s' : parts.join(' ');
}
