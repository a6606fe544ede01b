/**
 * Data files as tables: TOML or JSON text, or a table written in the policy itself, each under the
 * name by which a refusal speaks of it. The idea: whatever the format, what comes out holds only
 * what an operator can write: texts, finite numbers, truth values, lists and tables.
 * It does not know what the tables mean.
 */
import { parse } from 'smol-toml';
import { OptionError, OptionValueError, showValue } from '../../domain/option-error.ts';
import { listOf } from '../../domain/option-kinds.ts';
import type { Kind } from '../../domain/options.ts';
import { isTable, locate } from '../../domain/options.ts';
import type { OptionValue } from '../hooks.ts';
import { describeThrown, isPolicyError, PolicyError } from '../policy-error.ts';
import { readDataFile } from '../world.ts';

/** A table as operators write it. */
export type DataTable = { readonly [name: string]: OptionValue };

/** One file that was read, or an inline table. */
export interface DataFile {
  readonly name: string;
  readonly table: DataTable;
}

/** A path, from the folder of the policy, or the table itself. */
export type DataSource = string | Readonly<Record<string, unknown>>;

const FILES_MAX = 1_000;
const DEPTH_MAX = 32;
const FIX_SYNTAX = 'correct the file and load it again';

const dataSource: Kind<DataSource> = {
  name: 'path or table',
  read(value) {
    if (typeof value === 'string' && value !== '') return value;
    if (isTable(value)) return value;
    const fix = "write files: ['sources.toml']";
    throw new OptionValueError(`${showValue(value)} is no path and no table`, fix);
  },
};

/** The `files` of a helper. */
export const dataSources: Kind<readonly DataSource[]> = listOf(dataSource);

// JSON has null and TOML has dates; neither is a value of any option. `__proto__` is a name that
// would reach behind the table it is written into.
const plainValue = (value: unknown, depth: number): OptionValue => {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (depth > DEPTH_MAX) throw new OptionValueError('is nested too deeply', 'make it flatter');
  if (Array.isArray(value)) {
    return value.map((entry, at) => locate('', `entry ${at + 1}`, () => plainValue(entry, depth)));
  }
  if (value instanceof Date || !isTable(value)) {
    throw new OptionValueError(
      `${value instanceof Date ? 'a date' : showValue(value)} is no value of an option`,
      'remove it, or write it as a text in quotes',
    );
  }
  return plainTable(value, depth);
};

const plainTable = (table: Readonly<Record<string, unknown>>, depth: number): DataTable => {
  const given = Object.entries(table).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(
    given.map(([key, entry]) => {
      if (key === '__proto__') throw new OptionError('', key, 'is no name', 'remove it');
      return [key, locate('', key, () => plainValue(entry, depth + 1))] as const;
    }),
  );
};

const lineAndColumn = (text: string, at: number): string => {
  const before = text.slice(0, at).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
};

const refuseToml = (name: string, thrown: unknown): PolicyError => {
  // The rest of the message is a drawing of the place.
  const [first = ''] = describeFirstLine(thrown).split('\n');
  const at = thrown as { readonly line?: number; readonly column?: number };
  const place = at.line === undefined ? name : `${name}:${at.line}:${at.column ?? 1}`;
  return new PolicyError(place, first.replace(/^Invalid TOML document: /, ''), FIX_SYNTAX);
};

const describeFirstLine = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : describeThrown(thrown);

const parseToml = (text: string, name: string): unknown => {
  try {
    return parse(text);
  } catch (thrown) {
    throw refuseToml(name, thrown);
  }
};

const parseJson = (text: string, name: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    const problem = describeThrown(thrown);
    const at = /at position (\d+)/.exec(problem)?.[1];
    const place = at === undefined ? name : `${name}:${lineAndColumn(text, Number(at))}`;
    throw new PolicyError(place, problem, FIX_SYNTAX);
  }
};

/** Reads the text of a data file: by its name TOML or JSON, else what it looks like. */
export const parseDataText = (text: string, name: string): DataFile => {
  // A JSON table opens with a brace; no TOML document does.
  const looksJson = /^\s*\{/.test(text);
  const isJson = name.endsWith('.json') || (looksJson && !name.endsWith('.toml'));
  const raw = isJson ? parseJson(text.replace(/^\uFEFF/, ''), name) : parseToml(text, name);
  if (!isTable(raw)) {
    throw new PolicyError(name, `it holds ${showValue(raw)}, not a table`, 'write { ... }');
  }
  // Not ours, but that of the editor which completes the file.
  const { $schema: _editors, ...table } = raw;
  return { name, table: refuseIn(name, () => plainTable(table, 0)) };
};

/** Runs a check of one file; what it refuses becomes one sentence that names the file. */
export const refuseIn = <T>(name: string, check: () => T): T => {
  try {
    return check();
  } catch (thrown) {
    if (isPolicyError(thrown)) throw thrown;
    if (thrown instanceof OptionError) {
      const key = [thrown.where, thrown.key].filter((part) => part !== '').join('.');
      const problem = key === '' ? thrown.problem : `${key}: ${thrown.problem}`;
      throw new PolicyError(name, problem, thrown.fix);
    }
    if (thrown instanceof OptionValueError) {
      throw new PolicyError(name, thrown.problem, thrown.fix);
    }
    throw thrown;
  }
};

/** Reads files in their order. `onLost` hears of one that cannot be read; without it, it throws. */
export const readDataFiles = (
  files: readonly DataSource[],
  onLost?: (refusal: PolicyError) => void,
): readonly DataFile[] => {
  if (files.length > FILES_MAX) {
    throw new PolicyError('', `${files.length} data files are too many`, `use ${FILES_MAX}`);
  }
  let inline = 0;
  return files.flatMap((file) => {
    if (typeof file !== 'string') {
      inline += 1;
      const name = `inline table ${inline}`;
      return [{ name, table: refuseIn(name, () => plainTable(file, 0)) }];
    }
    const text = readText(file, onLost);
    return text === undefined ? [] : [parseDataText(text, file)];
  });
};

const readText = (
  file: string,
  onLost: ((refusal: PolicyError) => void) | undefined,
): string | undefined => {
  try {
    return readDataFile(file);
  } catch (thrown) {
    if (onLost === undefined || !isPolicyError(thrown)) throw thrown;
    onLost(thrown as PolicyError);
    return undefined;
  }
};
