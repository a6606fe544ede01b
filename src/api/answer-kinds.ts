/**
 * The kinds of values in answers, for the same tables that describe requests. Readers are used by
 * tests, which hold answers against their description; what is sent is not read again.
 * Deliberately unknown here: routes.
 */
import { OptionValueError, showValue } from '../domain/option-error.ts';
import { tableOf } from '../domain/option-kinds.ts';
import type { JsonSchema, Kind, OptionTable, Parsed } from '../domain/options.ts';
import type { Answer } from './route.ts';

const check = <T>(
  name: string,
  schema: JsonSchema,
  isIt: (value: unknown) => boolean,
): Kind<T> => ({
  name,
  schema,
  read(value) {
    if (isIt(value)) return value as T;
    throw new OptionValueError(`${showValue(value)} is no ${name}`, 'mend the route');
  },
});

/** Any text, also an empty one. */
export const words: Kind<string> = check('text', { type: 'string' }, (v) => typeof v === 'string');
/** A number. */
export const amount: Kind<number> = check('number', { type: 'number' }, Number.isFinite);
/** A whole number that is not negative. */
export const count: Kind<number> = check(
  'count',
  { type: 'integer', minimum: 0 },
  (value) => Number.isInteger(value) && (value as number) >= 0,
);
/** An id as RFC 9562 section 4 writes one. */
export const uuidText: Kind<string> = check(
  'UUID',
  { type: 'string', format: 'uuid' },
  (value) => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
);
/** A point in time, RFC 3339. */
export const timeText: Kind<string> = check(
  'time',
  { type: 'string', format: 'date-time' },
  (value) => typeof value === 'string' && Number.isFinite(Date.parse(value)),
);
/** A span as people write it, `1m 30s`. */
export const spanText: Kind<string> = check(
  'duration',
  { type: 'string', examples: ['1m 30s'] },
  (value) => typeof value === 'string',
);
/** A table whose keys are not told beforehand. */
export const anyTable: Kind<Readonly<Record<string, unknown>>> = check(
  'table',
  { type: 'object', additionalProperties: true },
  (value) => typeof value === 'object' && value !== null,
);
/** A text, or several: one where there is exactly one. */
export const oneOrMany: Kind<string | readonly string[]> = check(
  'text or list of texts',
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  (value) => typeof value === 'string' || Array.isArray(value),
);

/** The same, or null. */
export const orNull = <T>(kind: Kind<T>): Kind<T | null> => ({
  name: `${kind.name} or null`,
  schema: { anyOf: [kind.schema ?? {}, { type: 'null' }] },
  read: (value) => (value === null ? null : kind.read(value)),
});

/** One or the other. */
export const eitherOf = <A, B>(first: Kind<A>, second: Kind<B>): Kind<A | B> => ({
  name: `${first.name}, or ${second.name}`,
  schema: { anyOf: [first.schema ?? {}, second.schema ?? {}] },
  read(value) {
    try {
      return first.read(value);
    } catch {
      return second.read(value);
    }
  },
});

/** An answer of a JSON object. */
export const says = <Table extends OptionTable>(table: Table): Answer<Parsed<Table>> => ({
  form: 'json',
  kind: tableOf(table),
});

/** An answer of JSON. */
export const saysKind = <T>(kind: Kind<T>): Answer<T> => ({ form: 'json', kind });
