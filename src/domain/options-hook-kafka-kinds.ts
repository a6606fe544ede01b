/**
 * The kinds of value that properties of Kafka have: brokers, names of topics, numbers in quotes.
 * The one idea: the reference hands all properties over as text, so a number may be one here.
 * Deliberately unknown here: which properties there are.
 */
import { OptionValueError, showValue } from './option-error.ts';
import { oneOf } from './option-kinds.ts';
import { isHostName } from './option-places.ts';
import type { Kind } from './options.ts';

const SERVERS_FIX = "write 'host:9092', 'host:9092,other:9092' or '[2001:db8::1]:9092'";
const SERVER = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:@/[\]]+))(?::(\d{1,5}))?$/;
const PORT = 9_092;

function readServer(value: unknown): string {
  const match = typeof value === 'string' ? SERVER.exec(value.trim()) : null;
  const port = Number(match?.[3] ?? PORT);
  const name = match?.[2];
  const isWrong = match === null || port < 1 || port > 65_535;
  if (isWrong || (name !== undefined && !isHostName(name))) {
    throw new OptionValueError(`${showValue(value)} is not a broker`, SERVERS_FIX);
  }
  return name === undefined ? `[${match[1]}]:${port}` : `${name}:${port}`;
}

/** Brokers to begin with, each with its port. */
export const servers: Kind<readonly string[]> = {
  name: 'host:port, with commas between them, or a list',
  schema: {
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'array', minItems: 1 },
    ],
  },
  read(value) {
    const entries: readonly unknown[] =
      typeof value === 'string' ? value.split(',') : listed(value);
    if (entries.length === 0) throw new OptionValueError('the list is empty', SERVERS_FIX);
    return Object.freeze(entries.map(readServer));
  },
};

function listed(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new OptionValueError(`${showValue(value)} is not a broker`, SERVERS_FIX);
}

/** What a topic may be called. */
const TOPIC = /^[A-Za-z0-9._-]+$/;
const TOPIC_CHARS_MAX = 249;

/** What is wrong with the name of a topic; undefined for a good one. */
export function topicProblem(name: string): string | undefined {
  if (!TOPIC.test(name)) return 'has characters that no topic may have (A-Z a-z 0-9 . _ -)';
  if (name.length > TOPIC_CHARS_MAX) return `is longer than ${TOPIC_CHARS_MAX} characters`;
  return name === '.' || name === '..' ? 'is no name for a topic' : undefined;
}

/** Whole numbers, also in quotes: the reference hands all properties over as text. */
export function count(min: number, max: number): Kind<number> {
  return {
    name: `whole number from ${min} to ${max}`,
    schema: { anyOf: [{ type: 'integer', minimum: min, maximum: max }, { type: 'string' }] },
    read(value) {
      const isWritten = typeof value === 'string' && /^\d{1,10}$/.test(value);
      const number = isWritten || typeof value === 'bigint' ? Number(value) : value;
      if (typeof number === 'number' && Number.isInteger(number)) {
        if (number >= min && number <= max) return number;
      }
      const problem = `${showValue(value)} is not a whole number from ${min} to ${max}`;
      throw new OptionValueError(problem, 'change it');
    },
  };
}

/** One word of several, whatever its case: librdkafka takes `GZIP` as `gzip`. */
export function anyCase<const Words extends readonly string[]>(
  ...words: Words
): Kind<Words[number]> {
  const strict = oneOf(...words);
  return {
    ...strict,
    read(value) {
      const same = (word: string) => word.toLowerCase() === String(value).toLowerCase();
      return strict.read(words.find(same) ?? value);
    },
  };
}

/** An option whose one good value is how this hook always works. */
export function always(words: readonly unknown[], why: string): Kind<true> {
  return {
    name: `${String(words[0])}, always`,
    schema: { enum: words },
    read(value) {
      if (words.includes(value)) return true;
      throw new OptionValueError(`${showValue(value)} is not to be had: ${why}`, 'remove it');
    },
  };
}
