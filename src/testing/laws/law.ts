/**
 * What a law is: a named value with its sentence, and a function over what was seen that answers
 * where it was broken. The one idea: it takes a result and nothing else, so the same law holds for
 * any policy, for a scenario of a test and for a thousand drawn ones. Knows no single law.
 */
import type { Observed } from '../result.ts';

/** Where a law was broken. */
export interface Breach {
  /** One sentence, with the policy's own names. */
  readonly says: string;
  readonly at: number;
  /** Messages, queues and sources that it is about. */
  readonly about: readonly string[];
}

/** A law. */
export interface Law {
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly says: string;
  /** The first breach; undefined while it holds. */
  readonly find: (observed: Observed) => Breach | undefined;
}

/** A span for people: 90s, 15m, 2h, 3d. */
export function showSpan(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
    [1_000, 's'],
  ] as const;
  const [unit, name] = units.find(([size]) => ms >= 2 * size) ?? [1, 'ms'];
  const value = ms / unit;
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${name}`;
}
