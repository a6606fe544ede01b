/**
 * Where a secret is: in a file, in the environment, or in the policy itself. The idea: an option
 * that needs a secret takes a source of it, so that what configuration shows is never the secret.
 * Deliberately unknown here: reading it, and what it opens.
 */
import { OptionValueError } from './option-error.ts';
import { text } from './option-kinds.ts';
import type { KeySource } from './option-places.ts';
import { keySource } from './option-places.ts';
import type { Kind } from './options.ts';
import { isTable } from './options.ts';

/** A file, the secret itself, or the name of an environment variable. */
export type SecretSource = KeySource | { readonly env: string };

const tableWith = (key: string) => ({
  type: 'object',
  properties: { [key]: { type: 'string', minLength: 1 } },
  required: [key],
  additionalProperties: false,
});
const TABLES = ['path', 'key_data', 'env'].map(tableWith);

const FIX = "give a path in quotes, { key_data: 'the secret' } or { env: 'NAME' }";
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** A secret: a path, {key_data} or {env}. */
export const secretSource: Kind<SecretSource> = {
  name: 'path, {key_data} or {env}',
  schema: { anyOf: [{ type: 'string', minLength: 1 }, ...TABLES] },
  read(given) {
    const isPath = isTable(given) && Object.keys(given).join() === 'path';
    const value = isPath && typeof given['path'] === 'string' ? given['path'] : given;
    if (isTable(value) && Object.keys(value).join() === 'env') {
      const name = value['env'];
      if (typeof name === 'string' && ENV_NAME.test(name)) return Object.freeze({ env: name });
      throw new OptionValueError('this is not the name of an environment variable', FIX);
    }
    try {
      return Object.freeze(keySource.read(value));
    } catch {
      // The value may be a secret in the wrong place, so it is not shown.
      throw new OptionValueError('this is not the source of a secret', FIX);
    }
  },
};

/** A value that is written as it is, or a secret by {path}, {key_data} or {env}. */
export type PlainOrSecret = string | SecretSource;

/** Text is itself here; a secret is a table. */
export const plainOrSecret: Kind<PlainOrSecret> = {
  name: 'text, {path}, {key_data} or {env}',
  schema: secretSource.schema ?? {},
  read(value) {
    return typeof value === 'string' ? text.read(value) : secretSource.read(value);
  },
};
