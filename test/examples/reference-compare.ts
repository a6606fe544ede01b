/**
 * Shapes of JSON, and how two of them differ: which names, types and presence one side has and the
 * other lacks. The idea: what we are asked may be wider than what the reference takes, what we
 * answer must fit into what it answers, and whatever else there is, is a difference.
 * Deliberately unknown here: routes.
 */

/**
 * A shape: names of types with `|` between them, `[each]` for lists, `{ '*': each }` for maps,
 * `{ anyOf }`, `{ enum }`, and tables, where a key that ends in `?` may be left out.
 */
export type Shape = string | readonly [Shape] | AnyOf | Words | Table;
interface AnyOf {
  readonly anyOf: readonly Shape[];
}
interface Words {
  readonly enum: readonly string[];
}
type Table = { readonly [key: string]: Shape };

/** The same, or null. */
export const orNull = (shape: Shape): Shape => ({ anyOf: [shape, 'null'] });

/** One thing in which two sides differ. */
export interface Difference {
  readonly place: string;
  readonly there: string;
  readonly here: string;
}

interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
}

/** The shape that a JSON Schema describes. */
export function shapeOf(schema: JsonSchema): Shape {
  const { anyOf, oneOf, enum: words, const: only, type, format } = schema;
  const several = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined;
  if (several !== undefined) return { anyOf: several.map(shapeOf) };
  if (Array.isArray(words)) return { enum: words };
  if (typeof only === 'string') return { enum: [only] };
  if (Array.isArray(type)) return { anyOf: type.map((one) => shapeOf({ ...schema, type: one })) };
  switch (type) {
    case 'string':
      return format === 'date-time' ? 'time' : format === 'uuid' ? 'uuid' : 'text';
    case 'integer':
      return 'count';
    case 'number':
      return 'number';
    case 'null':
      return 'null';
    case 'array':
      return [shapeOf(schema['items'] as JsonSchema)];
    case 'object':
      return tableFrom(schema);
    default:
      return only === undefined && type !== 'boolean' ? 'any' : 'flag';
  }
}

function tableFrom({ properties, required = [], additionalProperties: more }: JsonSchema): Shape {
  if (properties === undefined || Object.keys(properties).length === 0) {
    const inner = typeof more === 'object' ? shapeOf(more) : 'any';
    return inner === 'any' ? 'object' : { '*': inner };
  }
  const entries = Object.entries(properties);
  return Object.fromEntries(
    entries.map(([key, one]) => [required.includes(key) ? key : `${key}?`, shapeOf(one)]),
  );
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);
const isTable = (shape: Shape): shape is Table =>
  typeof shape === 'object' && !isList(shape) && !('anyOf' in shape) && !('enum' in shape);

/** All that a shape may be. */
const variantsOf = (shape: Shape): readonly Shape[] => {
  if (typeof shape === 'string') return shape.split('|');
  return 'anyOf' in shape ? (shape as AnyOf).anyOf.flatMap(variantsOf) : [shape];
};

/** A shape in few words. */
export function write(shape: Shape): string {
  const names = variantsOf(shape).map((one) => {
    if (typeof one === 'string') return one;
    if (isList(one)) return `list of ${write(one[0])}`;
    if ('enum' in one) return 'text';
    return 'object';
  });
  return [...new Set(names)].sort().join(' or ');
}

/** What each type is also. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  time: ['text'],
  uuid: ['text'],
  count: ['number'],
};

/** A key as it is found in a table, and whether it must be there. */
interface Found {
  readonly shape: Shape;
  readonly needed: boolean;
}

function lookUp(table: Table, name: string): Found | undefined {
  for (const key of [name, `${name}?`, '*']) {
    if (Object.hasOwn(table, key)) return { shape: table[key] as Shape, needed: key === name };
  }
  return undefined;
}

const bare = (key: string): string => key.replace(/\?$/, '');

/** Sides of a comparison: the narrow one must fit into the wide one. */
interface Sides {
  readonly narrow: 'there' | 'here';
}

const ABSENT = 'absent';

/** Where what we are asked with (`narrow: 'there'`) or answer (`'here'`) does not fit. */
export function differ(there: Shape, here: Shape, sides: Sides, place = ''): Difference[] {
  const [narrow, wide] = sides.narrow === 'there' ? [there, here] : [here, there];
  const widers = variantsOf(wide);
  const misfits = variantsOf(narrow).map((one) => leastOf(one, widers, sides, place));
  if (misfits.every((found) => found !== undefined)) return misfits.flat();
  return [{ place: place || 'all of it', there: write(there), here: write(here) }];
}

/** The fewest differences from any of them; undefined where none is of this kind at all. */
function leastOf(one: Shape, widers: readonly Shape[], sides: Sides, place: string) {
  const found = widers.map((wide) => fit(one, wide, sides, place)).filter((each) => each);
  return (found as Difference[][]).sort((a, b) => a.length - b.length)[0];
}

function fit(one: Shape, wide: Shape, sides: Sides, place: string): Difference[] | undefined {
  if (wide === 'any' || one === wide) return [];
  if (typeof one === 'string' && typeof wide === 'string') {
    return WIDER[one]?.includes(wide) ? [] : undefined;
  }
  if (typeof one === 'string') return one === 'object' && isTable(wide) ? [] : undefined;
  if ('enum' in one) return fitWords(one as Words, wide);
  if (wide === 'object') return isTable(one) ? [] : undefined;
  if (isList(one) !== isList(wide)) return undefined;
  const order = (a: Shape, b: Shape): [Shape, Shape] =>
    sides.narrow === 'there' ? [a, b] : [b, a];
  if (isList(one)) return differ(...order(one[0], (wide as [Shape])[0]), sides, `${place}[]`);
  if (!isTable(one) || !isTable(wide)) return undefined;
  return fitTables(...(order(one, wide) as [Table, Table]), sides, place);
}

function fitWords({ enum: words }: Words, wide: Shape): Difference[] | undefined {
  if (wide === 'text') return [];
  if (typeof wide === 'string' || !('enum' in wide)) return undefined;
  return words.every((word) => (wide as Words).enum.includes(word)) ? [] : undefined;
}

function fitTables(there: Table, here: Table, sides: Sides, place: string): Difference[] {
  const inner = (name: string): string => (place === '' ? name : `${place}.${name}`);
  const any = { there: there['*'], here: here['*'] };
  if (any.there !== undefined && any.here !== undefined) {
    return differ(any.there, any.here, sides, inner('*'));
  }
  const names = new Set([...Object.keys(there), ...Object.keys(here)].map(bare));
  names.delete('*');
  return [...names].flatMap((name) => {
    const ours = lookUp(here, name);
    const theirs = lookUp(there, name);
    const [less, more] = sides.narrow === 'there' ? [theirs, ours] : [ours, theirs];
    const say = (one: Found | undefined): string =>
      one === undefined ? ABSENT : `${write(one.shape)}${one.needed ? '' : ', optional'}`;
    const both = { place: inner(name), there: say(theirs), here: say(ours) };
    if (ours === undefined || theirs === undefined) return [both];
    if (more?.needed && !less?.needed) return [both];
    return differ(theirs.shape, ours.shape, sides, inner(name));
  });
}

/** The shape that a value has. */
export function shapeOfValue(value: unknown): Shape {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'flag';
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? 'count' : 'number';
  if (typeof value === 'string') return ofText(value);
  if (Array.isArray(value)) return [{ anyOf: value.map(shapeOfValue) }];
  const entries = Object.entries(value as object);
  if (entries.length === 0) return 'object';
  return Object.fromEntries(entries.map(([key, one]) => [key, shapeOfValue(one)]));
}

function ofText(value: string): Shape {
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return 'time';
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return 'uuid';
  return { enum: [value] };
}
