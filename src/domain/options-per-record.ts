/**
 * What readers of the log can say for each type of record, in tables under `per_record`.
 * The one idea: a type's own table, else that of `Any`, else nothing; a table of its own takes
 * nothing over from `Any`.
 * Deliberately unknown here: which options such a table has, and who reads.
 */
import { OptionError, OptionValueError, showValue } from './option-error.ts';
import { tableOf } from './option-kinds.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { isTable, locate, nearest } from './options.ts';
import type { RecordType } from './record-type.ts';
import { RECORD_TYPES } from './record-type.ts';

const TEMPLATE_CHARS_MAX = 65_536;

/** The source of a template, of one or more lines. */
export const templateText: Kind<string> = {
  name: 'template',
  schema: { type: 'string', minLength: 1, maxLength: TEMPLATE_CHARS_MAX },
  read(value) {
    if (typeof value === 'string' && value !== '' && value.length <= TEMPLATE_CHARS_MAX) {
      return value;
    }
    const problem = `${showValue(value)} is no template`;
    throw new OptionValueError(problem, `give a text of at most ${TEMPLATE_CHARS_MAX} characters`);
  },
};

/** Settings by record type, each a table of these options. */
export type PerRecord<Table extends OptionTable> = Readonly<Record<string, Parsed<Table>>>;

/** A table from record type, or `Any`, to a table of these options. */
export function perRecordOf<Table extends OptionTable>(table: Table): Kind<PerRecord<Table>> {
  const settings = tableOf(table);
  const known = ['Any', ...RECORD_TYPES];
  return {
    name: `table from record type or Any to {${Object.keys(table).join(', ')}}`,
    schema: {
      type: 'object',
      properties: Object.fromEntries(known.map((type) => [type, settings.schema ?? {}])),
      additionalProperties: false,
    },
    read(value) {
      if (!isTable(value)) {
        const fix = 'write { Delivery: { enable: false } }';
        throw new OptionValueError(`${showValue(value)} is not a table`, fix);
      }
      const read = Object.entries(value).map(([type, given]) => {
        if (!known.includes(type)) throw unknownType(type, known);
        return [type, locate('', type, () => settings.read(given))] as const;
      });
      return Object.freeze(Object.fromEntries(read));
    },
  };
}

function unknownType(type: string, known: readonly string[]): OptionError {
  const near = nearest(type, known);
  const fix = near === undefined ? `use ${known.join(', ')}` : `did you mean '${near}'?`;
  return new OptionError('', type, 'is no type of record', fix);
}

/** What is said for a type: its own, else that of `Any`. */
export const settingsFor = <T>(
  settings: Readonly<Record<string, T>>,
  type: string,
): T | undefined => settings[type] ?? settings['Any'];

/** The templates of the types that have one. */
export function readTemplates(
  settings: Readonly<Record<string, { readonly template?: string }>>,
): ReadonlyMap<RecordType, string> {
  const templates = new Map<RecordType, string>();
  for (const type of RECORD_TYPES) {
    const template = settingsFor(settings, type)?.template;
    if (template !== undefined) templates.set(type, template);
  }
  return templates;
}
