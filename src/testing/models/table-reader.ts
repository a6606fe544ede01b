/**
 * Reads the tables of a JSON file key by key. The one idea: what nobody asked for is refused at the
 * end, and every refusal knows the whole path of its key. Knows no model.
 */
import { OptionError, showValue } from '../../domain/option-error.ts';

type Table = Readonly<Record<string, unknown>>;

/** What a number must be. */
export interface Bounds {
  readonly min: number;
  readonly max?: number;
  readonly isWhole?: boolean;
  readonly isNeeded?: boolean;
}

/** One table, and where it stands. */
export class Reader {
  readonly table: Table;
  readonly #file: string;
  readonly #path: string;
  readonly #asked = new Set<string>();

  constructor(file: string, path: string, table: Table) {
    this.#file = file;
    this.#path = path;
    this.table = table;
  }

  refuse(key: string, problem: string, fix: string): never {
    throw new OptionError(this.#file, this.#join(key), problem, fix);
  }

  has(key: string): boolean {
    return this.take(key) !== undefined;
  }

  take(key: string): unknown {
    this.#asked.add(key);
    return Object.hasOwn(this.table, key) ? this.table[key] : undefined;
  }

  need(key: string): unknown {
    return this.take(key) ?? this.refuse(key, 'is missing', 'give it');
  }

  /** A text; without a `fallback` it must be there. */
  text(key: string, fallback: string | undefined): string {
    const value = fallback === undefined ? this.need(key) : (this.take(key) ?? fallback);
    if (typeof value === 'string' && value !== '') return value;
    return this.refuse(key, `${showValue(value)} is no text`, 'give a text');
  }

  texts(key: string): readonly string[] {
    return this.list(key).map((one, index) => {
      if (typeof one === 'string' && one !== '') return one;
      return this.refuse(`${key}[${index}]`, `${showValue(one)} is no text`, 'give a text');
    });
  }

  /** A list; absent is empty. */
  list(key: string): readonly unknown[] {
    const value = this.take(key) ?? [];
    if (Array.isArray(value)) return value;
    return this.refuse(key, `${showValue(value)} is no list`, 'write it in [ ]');
  }

  word<W extends string>(key: string, words: readonly W[], fallback: W | undefined): W {
    const value = this.text(key, fallback);
    const found = words.find((one) => one === value);
    return (
      found ?? this.refuse(key, `${showValue(value)} is not known`, `give ${words.join(', ')}`)
    );
  }

  number(key: string, { min, max = Infinity, isWhole, isNeeded }: Bounds): number | undefined {
    const value = isNeeded === true ? this.need(key) : this.take(key);
    if (value === undefined) return undefined;
    const isGood = typeof value === 'number' && value >= min && value <= max;
    if (isGood && Number.isFinite(value) && (isWhole !== true || Number.isInteger(value))) {
      return value;
    }
    const kind = isWhole === true ? 'a whole number' : 'a number';
    const range = max === Infinity ? `of ${min} or more` : `from ${min} to ${max}`;
    return this.refuse(key, `${showValue(value)} does not do`, `give ${kind} ${range}`);
  }

  /** The table of a key, read by `read`; undefined where it is absent. */
  within<T>(key: string, read: (reader: Reader) => T): T | undefined {
    const value = this.take(key);
    return value === undefined ? undefined : read(this.at(key, value));
  }

  /** A reader for what stands at a place in this table. */
  at(key: string, value: unknown): Reader {
    return makeReader(this.#file, this.#join(key), value);
  }

  /** Refuses what nobody asked for. */
  end(what = `known here: ${[...this.#asked].join(', ')}`): void {
    const odd = Object.keys(this.table).find((key) => !this.#asked.has(key));
    if (odd !== undefined) this.refuse(odd, 'is not known', what);
  }

  #join(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}

/** A reader of a value that must be a table. */
export function makeReader(file: string, path: string, value: unknown): Reader {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return new Reader(file, path, value as Table);
  }
  throw new OptionError(file, path, `${showValue(value)} is no table`, 'write it in { }');
}
