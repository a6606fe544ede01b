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

const ENV_TABLE = {
  type: 'object',
  properties: { env: { type: 'string', minLength: 1 } },
  required: ['env'],
  additionalProperties: false,
};

const FIX = "give a path in quotes, { key_data: 'the secret' } or { env: 'NAME' }";
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** A secret: a path, {key_data} or {env}. */
export const secretSource: Kind<SecretSource> = {
  name: 'path, {key_data} or {env}',
  schema: { anyOf: [...((keySource.schema?.['anyOf'] as unknown[]) ?? []), ENV_TABLE] },
  read(value) {
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
  schema: { anyOf: [{ type: 'string', minLength: 1 }, { type: 'object' }] },
  read(value) {
    if (typeof value === 'string') return text.read(value);
    const path = isTable(value) && Object.keys(value).join() === 'path' ? value['path'] : value;
    if (path !== value && typeof path !== 'string') throw new OptionValueError('no path', FIX);
    return secretSource.read(path);
  },
};
