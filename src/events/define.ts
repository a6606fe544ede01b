/**
 * How an event is defined: once, as a value with six parts. The catalogue collects the values;
 * codec, replay, the documents and the types are derived from them. Knows no event and no database.
 */
import type { Books } from '../domain/books.ts';
import { invariant } from '../domain/invariant.ts';

/** What a field holds; checked at the edges and in tests, trusted on the hot path. */
export type FieldKind =
  | 'id'
  | 'text'
  | 'texts'
  | 'count'
  | 'counts'
  | 'code'
  | 'at'
  | 'ms'
  | 'flag'
  | 'queueName'
  | 'sourceName'
  | 'json';

/** Where and when an event happened. */
export interface Applied {
  readonly stream: string;
  readonly position: number;
  readonly at: number;
}

/** The six parts of an event, and its type. Optional fields end in `?` in `shape`. */
export interface Definition<T extends string, B extends object> {
  readonly type: T;
  readonly version: number;
  /** One sentence in the past tense. */
  readonly says: string;
  readonly shape: { readonly [K in keyof Required<B>]: FieldKind | `${FieldKind}?` };
  /** From version n to n + 1, for every n below `version`. */
  readonly upcast: { readonly [fromVersion: number]: (body: never) => object };
  /** The only code that lets this event change anything. */
  readonly apply: (books: Books, body: B, applied: Applied) => void;
}

/** Defines an event: `define('message.bounced')<Body>({ … })`. */
export const define =
  <const T extends string>(type: T) =>
  <B extends object>(parts: Omit<Definition<T, B>, 'type'>): Definition<T, B> => {
    for (let from = 1; from < parts.version; from += 1) {
      invariant(parts.upcast[from] !== undefined, `${type}: no upcast from version ${from}`);
    }
    return { type, ...parts };
  };

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const CHECKS: { readonly [K in FieldKind]: (value: unknown) => boolean } = {
  id: (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value),
  text: (value) => typeof value === 'string',
  texts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  count: isCount,
  counts: (value) => Array.isArray(value) && value.every(isCount),
  code: (value) => isCount(value) && (value as number) <= 599,
  at: isCount,
  ms: (value) => typeof value === 'number' && value >= 0,
  flag: (value) => value === 1,
  queueName: (value) => typeof value === 'string' && value !== '',
  sourceName: (value) => typeof value === 'string' && value !== '',
  json: (value) => value !== undefined,
};

/** Says what is wrong with a body, or undefined when it has the shape of its event. */
export function findMisshape(
  definition: Pick<Definition<string, Record<string, unknown>>, 'type' | 'shape'>,
  body: object,
): string | undefined {
  const fields = body as Record<string, unknown>;
  for (const [field, kind] of Object.entries(definition.shape)) {
    const value = fields[field];
    const isOptional = kind.endsWith('?');
    if (value === undefined && isOptional) continue;
    const check = CHECKS[kind.replace('?', '') as FieldKind];
    if (!check(value)) return `${definition.type}: field ${field} is not ${kind}`;
  }
  for (const field of Object.keys(fields)) {
    if (!(field in definition.shape)) return `${definition.type}: unknown field ${field}`;
  }
  return undefined;
}
