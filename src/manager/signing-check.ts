/**
 * Proves that the keys of DKIM signatures could be used, without signing anything: each is read
 * where it is named and looked at. The idea: what must be mended refuses the version; a Vault that
 * does not answer just now is a warning, because it may answer when mail comes.
 * Does not know which mail is signed, nor keeps a key.
 */

import type { Gatherer } from '../policy/validate.ts';
import { readSigningKey, sayKeyProblem } from '../ports/node/signing-keys.ts';
import { VaultProblem } from '../ports/node/vault.ts';

const addressOf = (key: object): string =>
  'vault_address' in key ? String(key.vault_address) : 'VAULT_ADDR';

/** Refuses keys that cannot be used. */
export const checkSigningKeys = async (found: Gatherer): Promise<void> => {
  const seen = new Set<string>();
  const silent = new Set<string>();
  for (const { signing, where } of found.signings) {
    const id = `${signing.algo} ${JSON.stringify(signing.key)}`;
    const isVault = 'vault_path' in signing.key;
    // A Vault that hangs costs its seconds once, not once for each key.
    if (seen.has(id) || (isVault && silent.has(addressOf(signing.key)))) continue;
    seen.add(id);
    try {
      await readSigningKey(signing);
    } catch (error) {
      const sentence = sayKeyProblem(signing, error);
      const cut = sentence.lastIndexOf('; ');
      if (error instanceof VaultProblem && !error.isLasting) {
        silent.add(addressOf(signing.key));
        found.warn(where, sentence);
      } else found.refuse(where, sentence.slice(0, cut), sentence.slice(cut + 2));
    }
  }
};
