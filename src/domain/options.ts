/**
 * Tables of options, and the one reader for all of them. The idea: an option is a row (kind,
 * default, meaning) whose default is written as the operator would write it; types, checks and
 * documents all come from the row, so they cannot disagree.
 * Deliberately unknown here: which options exist, and what they do.
 */

import { OptionError, OptionValueError, showValue } from './option-error.ts';

/** A JSON Schema, as far as editors of data files need one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** How one value is read: throws OptionValueError, or answers the value in the engine's units. */
export interface Kind<T> {
  /** What documents call it: 'duration', 'true or false', ... */
  readonly name: string;
  /** What editors are told of the value; without it they take anything. */
  readonly schema?: JsonSchema;
  read(value: unknown): T;
}

/** One option. `standard` is its default in the operator's notation; only `kept` rows have one. */
export interface OptionRow<T, Presence extends 'kept' | 'optional' | 'required'> {
  readonly kind: Kind<T>;
  readonly presence: Presence;
  readonly standard?: unknown;
  readonly says: string;
  /** Why the option changes nothing here, when it is accepted only so that old files still load. */
  readonly inert?: string;
}

/** An option that has a default. */
export function option<T>(kind: Kind<T>, standard: unknown, says: string): OptionRow<T, 'kept'> {
  return { kind, presence: 'kept', standard, says };
}

/** An option that may be absent. */
export function optional<T>(kind: Kind<T>, says: string): OptionRow<T, 'optional'> {
  return { kind, presence: 'optional', says };
}

/** An option that must be given. */
export function required<T>(kind: Kind<T>, says: string): OptionRow<T, 'required'> {
  return { kind, presence: 'required', says };
}

/** An option that is checked and then changes nothing, for the reason given. */
export function inert<T>(kind: Kind<T>, reason: string): OptionRow<T, 'optional'> {
  return { kind, presence: 'optional', says: reason, inert: reason };
}

type AnyRow = OptionRow<unknown, 'kept' | 'optional' | 'required'>;

/** A table of options by name. */
export type OptionTable = Readonly<Record<string, AnyRow>>;

type KindOf<Row> = Row extends { readonly kind: Kind<infer T> } ? T : never;
type OptionalKeys<Table extends OptionTable> = {
  [Key in keyof Table]: Table[Key]['presence'] extends 'optional' ? Key : never;
}[keyof Table];

/** What reading a table gives: defaults are present, optional ones may be absent. */
export type Parsed<Table extends OptionTable> = {
  readonly [Key in Exclude<keyof Table, OptionalKeys<Table>>]: KindOf<Table[Key]>;
} & { readonly [Key in OptionalKeys<Table>]?: KindOf<Table[Key]> };

/** Reads a whole configuration: unknown keys and wrong values are refused, defaults filled in. */
export function readOptions<Table extends OptionTable>(
  table: Table,
  raw: unknown,
  where: string,
): Parsed<Table> {
  const given = tableEntries(raw, where);
  const result: Record<string, unknown> = readGiven(table, given, where);
  for (const [key, row] of Object.entries(table)) {
    if (key in result) continue;
    if (row.presence === 'required') {
      throw new OptionError(where, key, 'is missing', `give a ${row.kind.name}`);
    }
    if (row.presence === 'kept') result[key] = standardOf(row);
  }
  return Object.freeze(result) as Parsed<Table>;
}

// Values are frozen, so one reading of a default serves every configuration that takes it.
const standards = new WeakMap<AnyRow, unknown>();

function standardOf(row: AnyRow): unknown {
  if (!standards.has(row)) standards.set(row, row.kind.read(row.standard));
  return standards.get(row);
}

/** Reads only what is given, without defaults: for settings laid over others. */
export function readOverrides<Table extends OptionTable>(
  table: Table,
  raw: unknown,
  where: string,
): Partial<Parsed<Table>> {
  const given = readGiven(table, tableEntries(raw, where), where);
  return Object.freeze(given) as Partial<Parsed<Table>>;
}

function readGiven(table: OptionTable, given: readonly [string, unknown][], where: string) {
  const result: Record<string, unknown> = {};
  for (const [key, value] of given) {
    const row = Object.hasOwn(table, key) ? table[key] : undefined;
    if (row === undefined) throw unknownOption(table, key, where);
    // A policy written in TypeScript says "not set" as undefined; that is absence, not a value.
    if (value !== undefined) result[key] = locate(where, key, () => row.kind.read(value));
  }
  return result;
}

function tableEntries(raw: unknown, where: string): readonly [string, unknown][] {
  if (raw === undefined) return [];
  if (!isTable(raw)) {
    throw new OptionError(where, '', `${showValue(raw)} is not a table`, 'give named options');
  }
  return Object.entries(raw);
}

/** True for a plain table of named values: not null, not a list. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Runs a reader and says where it stood when it refuses. */
export function locate<T>(where: string, key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OptionError) {
      // A table inside a table: the inner refusal knows its key, the outer one knows the place.
      const inner = [key, error.where, error.key].filter((part) => part !== '').join('.');
      throw new OptionError(where, inner, error.problem, error.fix);
    }
    if (!(error instanceof OptionValueError)) throw error;
    throw new OptionError(where, key, error.problem, error.fix);
  }
}

/** The refusal of a key that a table does not have, with the nearest one it has. */
export function unknownOption(table: OptionTable, key: string, where: string): OptionError {
  const near = nearest(key, Object.keys(table));
  const fix = near === undefined ? 'remove it' : `did you mean '${near}'?`;
  return new OptionError(where, key, 'is not an option here', fix);
}

const SUGGEST_CHARS_MAX = 64;

/** The candidate nearest to a misspelt word, when one is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > SUGGEST_CHARS_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions and replacements that turn one word into the other. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const swap = from[row - 1] === to[column - 1] ? 0 : 1;
      line.push(
        Math.min(
          (above[column] ?? 0) + 1,
          (line[column - 1] ?? 0) + 1,
          (above[column - 1] ?? 0) + swap,
        ),
      );
    }
    above = line;
  }
  return above[to.length] ?? 0;
}
