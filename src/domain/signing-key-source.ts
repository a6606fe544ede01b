/**
 * Where a private key for signatures is: in a file, in the environment, in the policy itself, or in
 * a Vault (secrets engine KV, version 2). The idea: it names a place, so that configuration can be
 * shown, stored and compared without the key.
 * Deliberately unknown here: reading it, and what it signs.
 */
import { OptionValueError, showValue } from './option-error.ts';
import { text } from './option-kinds.ts';
import type { Kind, OptionTable, Parsed } from './options.ts';
import { isTable, option, optional, readOptions, required } from './options.ts';
import type { SecretSource } from './secret-source.ts';
import { plainOrSecret, secretSource } from './secret-source.ts';

const ADDRESS = /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/;

const vaultAddress: Kind<string> = {
  name: 'http(s) address',
  schema: { type: 'string', pattern: '^https?://' },
  read(value) {
    if (typeof value === 'string' && ADDRESS.test(value)) return value.replace(/\/+$/, '');
    const fix = "write it like 'https://vault.example.com:8200'";
    throw new OptionValueError(`${showValue(value)} is not the address of a Vault`, fix);
  },
};

const vaultPath: Kind<string> = {
  name: 'path in a Vault',
  schema: { type: 'string', minLength: 1 },
  read(value) {
    const path = text.read(value);
    const steps = path.split('/');
    if (steps.every((step) => step !== '' && step !== '.' && step !== '..')) return path;
    const fix = "write it like 'dkim/example.com/s1', without a slash at either end";
    throw new OptionValueError(`${showValue(path)} is not a path in a Vault`, fix);
  },
};

const VAULT_SOURCE = {
  vault_mount: required(vaultPath, 'where the secrets engine is mounted'),
  vault_path: required(vaultPath, 'the secret below it'),
  vault_key: option(text, 'key', 'the field of the secret that holds the key'),
  vault_address: optional(vaultAddress, 'of the Vault; VAULT_ADDR without it'),
  vault_token: optional(plainOrSecret, 'what it is asked with; VAULT_TOKEN without it'),
} satisfies OptionTable;

/** A field of a secret in a Vault. */
export type VaultSource = Parsed<typeof VAULT_SOURCE>;

/** A file, the key itself, an environment variable, or a secret in a Vault. */
export type SigningKeySource = SecretSource | VaultSource;

const VAULT_KEYS = Object.keys(VAULT_SOURCE);

/** A key: a path, {key_data}, {env} or {vault_mount, vault_path}. */
export const signingKeySource: Kind<SigningKeySource> = {
  name: 'path, {key_data}, {env} or {vault_mount, vault_path}',
  schema: {
    anyOf: [
      ...((secretSource.schema?.['anyOf'] ?? []) as readonly object[]),
      {
        type: 'object',
        properties: Object.fromEntries(VAULT_KEYS.map((name) => [name, { type: 'string' }])),
        required: ['vault_mount', 'vault_path'],
        additionalProperties: false,
      },
    ],
  },
  read(value) {
    const isVault = isTable(value) && Object.keys(value).some((key) => VAULT_KEYS.includes(key));
    return isVault ? readOptions(VAULT_SOURCE, value, '') : secretSource.read(value);
  },
};

/** The place of a key in a sentence; never the key itself. */
export function describeKeySource(source: SigningKeySource): string {
  if ('path' in source) return `the file ${source.path}`;
  if ('env' in source) return `the environment variable ${source.env}`;
  if ('key_data' in source) return 'the key_data of the policy';
  return `the secret ${source.vault_mount}/${source.vault_path} of the Vault`;
}
