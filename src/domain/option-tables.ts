/**
 * Tables that hold options and, beside them, tables under names of the operator's choice: a domain
 * with its tenants, a file with its domains. The idea: a key that is an option is that option; any
 * other key must hold a table, because a lone value under an unknown name is a misspelt option.
 * Deliberately unknown here: which files have this form.
 */
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { schemaOf } from './option-schema.ts';
import type { Kind, OptionTable } from './options.ts';
import { isTable, locate, nearest, readOverrides } from './options.ts';

/** What the tables under names of the operator's choice are. */
export interface NamedTables {
  /** What such a table is called in a sentence: 'domain', 'tenant'. */
  readonly what: string;
  readonly kind: Kind<unknown>;
}

/** A table with the options of `table`, and tables of one kind under any other name. */
export function openTable(table: OptionTable, named: NamedTables): Kind<unknown> {
  const schema = { ...schemaOf(table), additionalProperties: named.kind.schema ?? {} };
  return {
    name: `table of options, and of ${named.what}s by name`,
    schema,
    read(value) {
      if (!isTable(value)) {
        throw new OptionValueError(`${showValue(value)} is not a table`, 'give named options');
      }
      for (const [key, entry] of Object.entries(value)) {
        if (Object.hasOwn(table, key)) {
          locate('', '', () => readOverrides(table, { [key]: entry }, ''));
        } else if (isTable(entry)) locate('', `'${key}'`, () => named.kind.read(entry));
        else throw strayValue(table, named.what, key, entry);
      }
      return value;
    },
  };
}

function strayValue(table: OptionTable, what: string, key: string, value: unknown): OptionError {
  const near = nearest(key, Object.keys(table));
  const problem = `${showValue(value)} is not a table, and '${key}' is not an option here`;
  const fix = near === undefined ? `remove it, or give the ${what} a table` : undefined;
  return new OptionError('', key, problem, fix ?? `did you mean '${near}'?`);
}
