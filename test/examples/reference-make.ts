/**
 * Values made from shapes, as a client of the reference would send them. Deliberately unknown here:
 * whom they are sent to.
 */
import type { Shape } from './reference-compare.ts';

/** How much is said in a request. */
export type Form = 'least' | 'most';
/** Values by key. */
export type Hints = Readonly<Record<string, unknown>>;

/** Something of a shape; `hints` have values by key. */
export function make(shape: Shape, form: Form, hints: Hints, key = ''): unknown {
  if (Object.hasOwn(hints, key)) return hints[key];
  if (typeof shape === 'string') return ofType(shape.split('|')[0] ?? '', key);
  if (Array.isArray(shape)) return [make(shape[0] as Shape, form, hints, key)];
  if ('anyOf' in shape) {
    const all = (shape as { anyOf: Shape[] }).anyOf.filter((one) => one !== 'null');
    return make(all.at(form === 'most' ? -1 : 0) as Shape, form, hints, key);
  }
  if ('enum' in shape) return (shape as { enum: string[] }).enum[0];
  const kept = Object.entries(shape).filter(([name]) => form === 'most' || !name.endsWith('?'));
  return Object.fromEntries(
    kept.map(([name, one]) => {
      const bare = name === '*' ? 'tenant' : name.replace(/\?$/, '');
      return [bare, make(one, form, hints, bare)];
    }),
  );
}

function ofType(type: string, key: string): unknown {
  if (type === 'flag') return true;
  if (type === 'count') return 3;
  if (type === 'object') return { name: 'value' };
  if (type === 'time') return new Date(Date.now() + 600_000).toISOString();
  return key === 'email' ? 'someone@replay.test' : key;
}
