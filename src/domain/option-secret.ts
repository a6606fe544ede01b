/**
 * Passwords as operators give them: the text itself, or where it is. What is refused is not shown,
 * since it may be a secret in the wrong place.
 * Deliberately unknown here: files, and who is told the password.
 */
import { OptionValueError } from './option-error.ts';
import type { KeySource } from './option-places.ts';
import type { Kind } from './options.ts';
import { isTable } from './options.ts';

const FIX = "give the password in quotes, {path = '/path/to/file'} or {key_data = 'it'}";
const FORMS = ['path', 'key_data'] as const;

/** A password: a text, {path} of a file that holds it, or {key_data}. */
export const secret: Kind<KeySource> = {
  name: 'text, {path} or {key_data}',
  schema: {
    anyOf: [
      { type: 'string', minLength: 1 },
      ...FORMS.map((form) => ({
        type: 'object',
        properties: { [form]: { type: 'string', minLength: 1 } },
        required: [form],
        additionalProperties: false,
      })),
    ],
  },
  read(value) {
    if (typeof value === 'string' && value !== '') return { key_data: value };
    if (isTable(value) && Object.keys(value).length === 1) {
      const { path, key_data: data } = value as { path?: unknown; key_data?: unknown };
      if (typeof path === 'string' && path !== '') return { path };
      if (typeof data === 'string' && data !== '') return { key_data: data };
    }
    throw new OptionValueError('this is not a password', FIX);
  },
};
