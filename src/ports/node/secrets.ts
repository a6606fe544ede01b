/**
 * Passwords and keys, from where the policy says they are: in a file, in the environment or given
 * directly. Files are read again after five minutes, as the reference does. Never logs a secret.
 */
import { readFileSync } from 'node:fs';
import type { SecretSource } from '../../domain/secret-source.ts';

const KEEP_MS = 300_000;

/** Makes a reader; a source that cannot be read is told to `failed` and is undefined. */
export function createSecretReader(
  failed: (sentence: string) => void,
): (source: SecretSource) => string | undefined {
  const kept = new Map<string, { readonly secret: string; readonly until: number }>();
  return (source) => {
    if ('key_data' in source) return source.key_data;
    if ('env' in source) {
      const value = process.env[source.env];
      if (value === undefined || value === '') {
        failed(`a secret cannot be read: the environment has no ${source.env}`);
      }
      return value === '' ? undefined : value;
    }
    const now = performance.now();
    const known = kept.get(source.path);
    if (known !== undefined && now < known.until) return known.secret;
    try {
      const secret = readFileSync(source.path, 'utf8').trim();
      kept.set(source.path, { secret, until: now + KEEP_MS });
      return secret;
    } catch (error) {
      failed(`a secret cannot be read: ${(error as Error).message}`);
      return known?.secret;
    }
  };
}
