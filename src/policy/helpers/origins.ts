/**
 * Options that remember where they were written: a value with the file and key that set it. The
 * idea: layers are laid over each other before anything is asked, and the answer carries the
 * origins under a symbol, so that JSON and readers of options do not see them.
 * It does not know which options exist.
 */
import { freezeDeep } from '../../domain/freeze-deep.ts';
import type { OptionValue } from '../hooks.ts';
import type { DataTable } from './files.ts';

/** A value, and `file: key path` of what set it. */
export interface Placed {
  readonly value: OptionValue;
  readonly origin: string;
}

/** Options by name, with their origins. */
export type Placings = ReadonlyMap<string, Placed>;

/** No options at all. */
export const NOTHING_PLACED: Placings = new Map();

/** How two values of one option are joined; by default the later one stands. */
export type Join = (name: string, before: OptionValue, after: OptionValue) => OptionValue;

const takeLater: Join = (_name, _before, after) => after;

/** Those entries of a table that `isTaken`, each with its origin. */
export const placeOptions = (
  file: string,
  path: string,
  table: DataTable,
  isTaken: (name: string) => boolean,
): Placings => {
  const taken = Object.entries(table).filter(([name]) => isTaken(name));
  const prefix = path === '' ? '' : `${path}.`;
  return new Map(
    taken.map(([name, value]) => [name, { value, origin: `${file}: ${prefix}${name}` }]),
  );
};

/** Lays `over` on `under`, option by option. */
export const layOver = (under: Placings, over: Placings, join: Join = takeLater): Placings => {
  if (under.size === 0) return over;
  if (over.size === 0) return under;
  const laid = new Map(under);
  for (const [name, after] of over) {
    const before = under.get(name);
    laid.set(name, before === undefined ? after : joinPlaced(name, before, after, join));
  }
  return laid;
};

const joinPlaced = (name: string, before: Placed, after: Placed, join: Join): Placed => {
  const value = join(name, before.value, after.value);
  if (value === after.value || before.origin === after.origin) {
    return { value, origin: after.origin };
  }
  const known = before.origin.split(' and ');
  const origin = known.includes(after.origin)
    ? before.origin
    : `${before.origin} and ${after.origin}`;
  return { value, origin };
};

// Shared by name: a policy carries its own copy of this file, and its answers are read outside.
const ORIGINS = Symbol.for('waybill.origins.1');

/** One frozen answer made of options; its origins can be asked for with `originsOf`. */
export const answerFrom = (placings: Placings): DataTable => {
  const entries = [...placings].map(([name, { value }]) => [name, value] as const);
  const origins = Object.fromEntries([...placings].map(([name, { origin }]) => [name, origin]));
  const answer = Object.fromEntries(entries);
  Object.defineProperty(answer, ORIGINS, { value: Object.freeze(origins) });
  return freezeDeep(answer);
};

/** Where each option of a helper's answer was written: `file: key path` by option. */
export const originsOf = (answer: unknown): Readonly<Record<string, string>> | undefined =>
  typeof answer === 'object' && answer !== null && ORIGINS in answer
    ? (answer[ORIGINS] as Readonly<Record<string, string>>)
    : undefined;
