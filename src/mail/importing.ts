/**
 * Header fields become metadata: which fields, under which name, and which of several. Pure; knows
 * neither messages nor what the metadata are for.
 */
import type { Field } from './header.ts';

/** How a name becomes that of metadata: `X-Spam-Level` is x_spam_level without saying so. */
export type NameTransform = 'snake_case' | 'kebab_case' | 'camel_case' | 'pascal_case';

/** Which fields `import_headers` takes, and what becomes of them. */
export interface ImportSpec {
  /** Name of the field; `*` at its end makes it a beginning. */
  readonly name: string;
  /** Which of several fields of a name; `last` without it, `all` makes a list. */
  readonly match?: 'first' | 'last' | 'all' | undefined;
  readonly transform?: NameTransform | undefined;
  /** The name of the metadata; only where `name` has no `*`. */
  readonly target?: string | undefined;
  /** Removes the fields from the header. */
  readonly remove?: boolean | undefined;
}

/** Specs of one call. */
const SPECS_MAX = 256;

const words = (name: string): string[] => name.toLowerCase().split(/[-_]+/).filter(Boolean);
const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

const TRANSFORMS: Readonly<Record<NameTransform, (name: string) => string>> = {
  snake_case: (name) => name.toLowerCase().replaceAll('-', '_'),
  kebab_case: (name) => name.toLowerCase().replaceAll('_', '-'),
  camel_case: (name) =>
    words(name)
      .map((word, index) => (index === 0 ? word : capital(word)))
      .join(''),
  pascal_case: (name) => words(name).map(capital).join(''),
};

/** `X-Spam-Level` as metadata have it: x_spam_level. */
export const snakeName = (name: string): string => TRANSFORMS.snake_case(name);

/** True where a name is meant; names are compared in lower case. */
export function isMeantBy(spec: string, lowerName: string): boolean {
  const asked = spec.toLowerCase();
  return asked.endsWith('*') ? lowerName.startsWith(asked.slice(0, -1)) : lowerName === asked;
}

function checkSpec(spec: ImportSpec): void {
  if (typeof spec !== 'object' || spec === null || typeof spec.name !== 'string') {
    throw new TypeError("import_headers: a spec is written { name: 'X-Some*' }");
  }
  const { name, match = 'last', transform = 'snake_case', target } = spec;
  if (!['first', 'last', 'all'].includes(match)) {
    throw new TypeError(`import_headers: match '${match}' is none of first, last, all`);
  }
  if (!Object.hasOwn(TRANSFORMS, transform)) {
    const known = Object.keys(TRANSFORMS).join(', ');
    throw new TypeError(`import_headers: transform '${transform}' is none of ${known}`);
  }
  if (target !== undefined && name.endsWith('*')) {
    throw new TypeError(`import_headers: ${name} means several names; leave target out`);
  }
}

/** Throws a sentence where specs cannot be followed. */
export function checkSpecs(specs: readonly ImportSpec[]): void {
  if (!Array.isArray(specs) || specs.length > SPECS_MAX) {
    throw new TypeError(`import_headers: give a list of at most ${SPECS_MAX} specs`);
  }
  specs.forEach(checkSpec);
}

/** Metadata by name out of fields; the first spec that means a field decides. */
export function importFields(
  specs: readonly ImportSpec[],
  fields: readonly Field[],
): Map<string, string | string[]> {
  const found = new Map<string, string | string[]>();
  for (const { name, value } of fields) {
    const lower = name.toLowerCase();
    const spec = specs.find((one) => isMeantBy(one.name, lower));
    if (spec === undefined) continue;
    const key = spec.target ?? TRANSFORMS[spec.transform ?? 'snake_case'](name);
    const known = found.get(key);
    if (spec.match === 'all') found.set(key, [...(Array.isArray(known) ? known : []), value]);
    else if (known === undefined || spec.match !== 'first') found.set(key, value);
  }
  return found;
}

/** True for a field that some spec wants removed. */
export function isRemovedBy(specs: readonly ImportSpec[], lowerName: string): boolean {
  return specs.find((one) => isMeantBy(one.name, lowerName))?.remove === true;
}

/** Which fields these names mean, in lower case; all that begin with x- without any. */
export const namesOrX = (names: readonly string[]): ((lowerName: string) => boolean) =>
  names.length === 0
    ? (name) => name.startsWith('x-')
    : (name) => names.some((one) => isMeantBy(one, name));
