/**
 * Reads the words of a command line: spans, sizes, shares, weights, addresses.
 * Every parser returns a plain value or throws one sentence that names what was expected, which
 * commander prints after the name of the option. Knows no command and no default.
 */
import { InvalidArgumentError } from 'commander';
import { moment } from '../domain/instant.ts';
import { OptionValueError } from '../domain/option-error.ts';

/** Where to listen or connect: a TCP port or a Unix socket. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/** One of several names and how often it is meant, relative to the others. */
export interface Weighted<T> {
  readonly value: T;
  readonly weight: number;
}

const SPAN_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 * 1024,
  mb: 1024 * 1024,
};

const PORT_MAX = 65_535;

/** `50ms`, `1.5s`, `2m`, `1h`; a bare number is seconds. */
export const parseSpanMs = (text: string): number => {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim().toLowerCase());
  if (found === null) {
    throw new InvalidArgumentError('Expected a time such as 50ms, 30s, 5m or 1h.');
  }
  return Math.round(Number(found[1]) * (SPAN_UNITS_MS[found[2] ?? 's'] ?? 1000));
};

/** `10k`, `2m`, `512`, in bytes; k and m are powers of 1024. */
export const parseBytes = (text: string): number => {
  const found = /^(\d+(?:\.\d+)?)(b|kb?|mb?)?$/.exec(text.trim().toLowerCase());
  if (found === null) throw new InvalidArgumentError('Expected a size such as 512, 10k or 2m.');
  return Math.round(Number(found[1]) * (SIZE_UNITS[found[2] ?? ''] ?? 1));
};

/** `10%` or `0.1`, as a number from 0 to 1. */
export const parseShare = (text: string): number => {
  const found = /^(\d+(?:\.\d+)?)(%)?$/.exec(text.trim());
  const share = found === null ? Number.NaN : Number(found[1]) / (found[2] === undefined ? 1 : 100);
  if (!(share >= 0 && share <= 1)) {
    throw new InvalidArgumentError('Expected a share such as 10% or 0.1, at most 100%.');
  }
  return share;
};

/** `50ms` or `50ms:20%`: a delay and the share of messages that meet it. */
export const parseDelay = (text: string): { waitMs: number; share: number } => {
  const colon = text.indexOf(':');
  return colon < 0
    ? { waitMs: parseSpanMs(text), share: 1 }
    : { waitMs: parseSpanMs(text.slice(0, colon)), share: parseShare(text.slice(colon + 1)) };
};

/** A whole number of at least 1. */
export const parseCount = (text: string): number => {
  const count = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  }
  return count;
};

/** A point in time (RFC 3339), ms since 1970. */
export const parseMoment = (text: string): number => {
  try {
    return moment.read(text);
  } catch (error) {
    if (error instanceof OptionValueError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
};

/** A whole number from 0 to 2^32 - 1. */
export const parseSeed = (text: string): number => {
  const seed = /^\d+$/.test(text.trim()) ? Number(text) : -1;
  if (seed < 0 || seed > 0xffffffff) {
    throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.');
  }
  return seed;
};

/** `500/s`, `30/m` or `500`, in messages per second. */
export const parseRate = (text: string): number => {
  const found = /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(text.trim().toLowerCase());
  const perUnit = found === null ? 0 : Number(found[1]);
  if (!(perUnit > 0)) {
    throw new InvalidArgumentError('Expected a rate above zero such as 500/s or 30/m.');
  }
  return (perUnit * 1000) / (SPAN_UNITS_MS[found?.[2] ?? 's'] ?? 1000);
};

/** `127.0.0.1:2526`, `[::1]:2526`, `:2526`, `2526` or `unix:/path`. */
export const parsePlace = (text: string): Place => {
  if (text.startsWith('unix:') && text.length > 5) return { path: text.slice(5) };
  const found = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d+)$/.exec(text.trim());
  const port = found === null ? -1 : Number(found[3]);
  if (found === null || port > PORT_MAX) {
    throw new InvalidArgumentError('Expected HOST:PORT, [IPv6]:PORT or unix:PATH.');
  }
  return { host: found[1] ?? (found[2] || '127.0.0.1'), port };
};

/** A place the way `parsePlace` reads it. */
export const formatPlace = (place: Place): string => {
  if ('path' in place) return `unix:${place.path}`;
  return place.host.includes(':') ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`;
};

/** `a:70,b:30`; a name without a weight counts 1. */
export const parseWeights = (text: string): Weighted<string>[] =>
  text.split(',').map((part) => {
    const found = /^([^:]+)(?::(\d+(?:\.\d+)?)%?)?$/.exec(part.trim());
    const weight = found === null ? 0 : Number(found[2] ?? 1);
    if (found === null || !(weight > 0)) {
      throw new InvalidArgumentError('Expected NAME:WEIGHT,NAME:WEIGHT with weights above zero.');
    }
    return { value: found[1] as string, weight };
  });

/** `10k:80,100k:20`: sizes in bytes with their weights. */
export const parseSizes = (text: string): Weighted<number>[] =>
  parseWeights(text).map(({ value, weight }) => ({ value: parseBytes(value), weight }));

/** Collects an option that may be given several times. */
export const collect = (text: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  text,
];
