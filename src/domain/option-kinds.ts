/**
 * The kinds of value an option can have. The idea: each kind is a value with a name (for documents)
 * and a reader; bigger kinds are built of smaller ones. Readers are strict: a number in quotes or
 * `yes` for true is refused, because guessing hides mistakes.
 * Deliberately unknown here: the options themselves.
 */

import type { Ms } from '../ports/ports.ts';
import type { Cidr } from './cidr.ts';
import { parseCidr } from './cidr.ts';
import { parseDuration } from './duration.ts';
import { parseIp } from './ip.ts';
import { OptionValueError, showValue } from './option-error.ts';
import { schemaOf } from './option-schema.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { isTable, locate, nearest, readOptions } from './options.ts';
import type { LimitSpec, ThrottleSpec } from './throttle-spec.ts';
import { parseLimit, parseThrottle } from './throttle-spec.ts';

/** Spans of time, in milliseconds once read. */
export const duration: Kind<Ms> = {
  name: 'duration',
  schema: {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: '^(0|\\s*(\\d[\\d\\s]*(\\.[\\d\\s]+)?[A-Za-zµ]+\\s*)+)$' },
    ],
  },
  read: parseDuration,
};
/** Rates. */
export const throttle: Kind<ThrottleSpec> = {
  name: 'rate',
  schema: {
    type: 'string',
    pattern: '^(local:)?[\\d_,]+/\\d*[a-z]+(,max_burst=[\\d_,]+)?$',
  },
  read: parseThrottle,
};
const LIMIT_TABLE = {
  type: 'object',
  properties: { limit: { type: 'integer', minimum: 1 }, force_local: { type: 'boolean' } },
  required: ['limit'],
  additionalProperties: false,
};
/** Connection limits. */
export const limit: Kind<LimitSpec> = {
  name: 'limit',
  schema: {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^(local:)?[\\d_,]+$' },
      LIMIT_TABLE,
    ],
  },
  read: parseLimit,
};

/** True or false, nothing else. */
export const flag: Kind<boolean> = {
  name: 'true or false',
  schema: { type: 'boolean' },
  read(value) {
    if (typeof value === 'boolean') return value;
    throw new OptionValueError(`${showValue(value)} is not a truth value`, 'use true or false');
  },
};

/** Text of at least one character, without control characters. */
export const text: Kind<string> = {
  name: 'text',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    if (typeof value !== 'string' || value === '') {
      throw new OptionValueError(`${showValue(value)} is not a text`, 'give a text in quotes');
    }
    if (/\p{Cc}/u.test(value)) {
      throw new OptionValueError('the text has control characters', 'remove them');
    }
    return value;
  },
};

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number): Kind<number> {
  return {
    name: `whole number from ${min} to ${max}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    read(value) {
      // Readers of TOML may hand integers over as BigInt.
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (
        typeof number === 'number' &&
        Number.isInteger(number) &&
        number >= min &&
        number <= max
      ) {
        return number;
      }
      const problem = `${showValue(value)} is not a whole number from ${min} to ${max}`;
      throw new OptionValueError(problem, 'change it');
    },
  };
}

const UINT32_MAX = 0xffffffff;
/** A count of at least one. */
export const positive = wholeNumber(1, UINT32_MAX);
/** A count that may be zero. */
export const natural = wholeNumber(0, UINT32_MAX);
/** A TCP port. */
export const port = wholeNumber(1, 65_535);

/** One of a few words, exactly as written. */
export function oneOf<const Words extends readonly string[]>(...words: Words): Kind<Words[number]> {
  return {
    name: words.join(' or '),
    schema: { enum: words },
    read(value) {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      const near = typeof value === 'string' ? nearest(value, words) : undefined;
      const fix = near === undefined ? `use ${words.join(' or ')}` : `did you mean '${near}'?`;
      throw new OptionValueError(`${showValue(value)} is not one of ${words.join(', ')}`, fix);
    },
  };
}

/** An IP address, kept as text. */
export const ipAddress: Kind<string> = {
  name: 'IP address',
  schema: { type: 'string', pattern: '^[0-9A-Fa-f:.]+$' },
  read(value) {
    if (typeof value === 'string' && parseIp(value) !== undefined) return value;
    const fix = "write it without brackets or port, like '192.0.2.1' or '2001:db8::1'";
    throw new OptionValueError(`${showValue(value)} is not an IP address`, fix);
  },
};

/** A list; a refusal names the entry by its place, counted from 1. */
export function listOf<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    name: `list of ${kind.name}`,
    schema: { type: 'array', items: kind.schema ?? {} },
    read(value) {
      if (!Array.isArray(value)) {
        throw new OptionValueError(`${showValue(value)} is not a list`, 'put it in [ ]');
      }
      const readAt = (entry: unknown, at: number) =>
        locate('', `entry ${at + 1}`, () => kind.read(entry));
      return Object.freeze(value.map(readAt));
    },
  };
}

/** A table from names of the operator's choice to values of one kind. */
export function mapOf<T>(kind: Kind<T>): Kind<Readonly<Record<string, T>>> {
  return {
    name: `table from name to ${kind.name}`,
    schema: { type: 'object', additionalProperties: kind.schema ?? {} },
    read(value) {
      if (!isTable(value)) {
        throw new OptionValueError(`${showValue(value)} is not a table`, 'give names and values');
      }
      const entries = Object.entries(value).map(
        ([key, entry]) => [key, locate('', `'${key}'`, () => kind.read(entry))] as const,
      );
      return Object.freeze(Object.fromEntries(entries));
    },
  };
}

/** A table with options of its own. */
export function tableOf<Table extends OptionTable>(table: Table): Kind<Parsed<Table>> {
  return {
    name: `table of ${Object.keys(table).join(', ')}`,
    schema: schemaOf(table),
    read(value) {
      if (!isTable(value)) {
        const fix = `give a table with ${Object.keys(table).join(', ')}`;
        throw new OptionValueError(`${showValue(value)} is not a table`, fix);
      }
      return readOptions(table, value, '');
    },
  };
}

/** Networks and addresses. */
export const cidrList: Kind<readonly Cidr[]> = listOf({
  name: 'IP or network',
  schema: { type: 'string', pattern: '^[0-9A-Fa-f:.]+(/\\d{1,3})?$' },
  read: parseCidr,
});

/** Numbers, texts and truth values as the operator gave them. */
export const plain: Kind<string | number | boolean> = {
  name: 'text, number or truth value',
  schema: { type: ['string', 'number', 'boolean'] },
  read(value) {
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new OptionValueError(`${showValue(value)} is not a plain value`, 'use text or a number');
  },
};
