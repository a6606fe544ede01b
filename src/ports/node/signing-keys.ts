/**
 * The private keys of one thread: read where they are named, parsed once, kept for their time. The
 * idea: a key that could be read before signs on for a while when it cannot be read again, and what
 * cannot be read is not asked for with every message.
 * Deliberately unknown here: messages. Never says a key.
 */
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SigningFault } from '../../dkim/fault.ts';
import { KeyProblem, readPrivateKey } from '../../dkim/private-key.ts';
import type { DkimSigning } from '../../domain/options-dkim.ts';
import type { SecretSource } from '../../domain/secret-source.ts';
import type { SigningKeySource } from '../../domain/signing-key-source.ts';
import { describeKeySource } from '../../domain/signing-key-source.ts';
import { readVaultSecret, VaultProblem } from './vault.ts';

/** Keys that are kept at most; the one that was not used for longest goes. */
export const SIGNING_KEYS_MAX = 1_024;
/** How long a key signs on that cannot be read again, ms after its time was over. */
export const STALE_KEY_MS_MAX = 3_600_000;
/** How long after a failure a key is not asked for again, ms. */
export const KEY_RETRY_MS = 5_000;
const KEY_OCTETS_MAX = 65_536;

const PATH_FIX = 'correct the path, or let the user of waybilld read the file';

const readLocal = (source: SecretSource): Buffer => {
  if ('key_data' in source) return Buffer.from(source.key_data, 'utf8');
  if ('env' in source) {
    const value = process.env[source.env];
    if (value !== undefined && value !== '') return Buffer.from(value, 'utf8');
    throw new KeyProblem('the environment has no such variable', `set ${source.env}`);
  }
  let octets: Buffer;
  try {
    octets = readFileSync(source.path);
  } catch (error) {
    throw new KeyProblem(`it cannot be read: ${(error as Error).message}`, PATH_FIX);
  }
  if (octets.length <= KEY_OCTETS_MAX) return octets;
  throw new KeyProblem(`it is larger than ${KEY_OCTETS_MAX} octets`, 'give the file of one key');
};

const readOctets = (source: SigningKeySource): Buffer | Promise<Buffer> =>
  'vault_path' in source
    ? readVaultSecret(source).then((text) => Buffer.from(text, 'utf8'))
    : readLocal(source);

/** What stands in the way of a key, as one sentence that names it. */
export const sayKeyProblem = (signing: DkimSigning, error: unknown): string => {
  const name = `the DKIM key of ${signing.selector}._domainkey.${signing.domain}`;
  const said =
    error instanceof KeyProblem || error instanceof VaultProblem
      ? `${error.problem}; ${error.fix}`
      : (error as Error).message;
  return `${name} (${describeKeySource(signing.key)}): ${said}`;
};

/** Reads the key of a signature anew; throws, or rejects with, KeyProblem or VaultProblem. */
export const readSigningKey = (signing: DkimSigning): KeyObject | Promise<KeyObject> => {
  const octets = readOctets(signing.key);
  return octets instanceof Promise
    ? octets.then((read) => readPrivateKey(read, signing.algo))
    : readPrivateKey(octets, signing.algo);
};

interface KeptKey {
  key: KeyObject | undefined;
  /** Until when the key, or the failure, stands, in ms of the steady clock. */
  until: number;
  staleUntil: number;
  failure: string | undefined;
  reading: Promise<void> | undefined;
}

/** What a cache of keys stands on. */
export interface SigningKeySettings {
  /** Steady milliseconds. */
  readonly now: () => number;
  /** Hears of a key that signs on though it cannot be read again. */
  readonly warn: (sentence: string) => void;
  readonly keysMax?: number;
}

/** The cache. */
export class SigningKeys {
  readonly #settings: SigningKeySettings;
  readonly #kept = new Map<string, KeptKey>();

  constructor(settings: SigningKeySettings) {
    this.#settings = settings;
  }

  /** How many keys and failures are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** The key of a signature; throws, or rejects with, SigningFault. */
  find(signing: DkimSigning): KeyObject | Promise<KeyObject> {
    const kept = this.#keptOf(signing);
    const now = this.#settings.now();
    if (now >= kept.until && kept.reading === undefined) this.#read(signing, kept);
    // Read at once, or still good: a key from a Vault is fetched beside the one that signs.
    if (kept.key !== undefined && (kept.reading === undefined || now < kept.staleUntil)) {
      return kept.key;
    }
    if (kept.reading === undefined) throw new SigningFault('key', kept.failure ?? 'no key');
    return kept.reading.then(() => {
      if (kept.key !== undefined) return kept.key;
      throw new SigningFault('key', kept.failure ?? 'no key');
    });
  }

  #keptOf({ key, algo }: DkimSigning): KeptKey {
    const id = `${algo} ${JSON.stringify(key)}`;
    const kept = this.#kept.get(id) ?? {
      key: undefined,
      until: 0,
      staleUntil: 0,
      failure: undefined,
      reading: undefined,
    };
    // The order of the map is the order of use.
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    if (this.#kept.size > (this.#settings.keysMax ?? SIGNING_KEYS_MAX)) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    return kept;
  }

  #read(signing: DkimSigning, kept: KeptKey): void {
    try {
      const key = readSigningKey(signing);
      if (!(key instanceof Promise)) {
        this.#keep(signing, kept, key);
        return;
      }
      kept.reading = key
        .then(
          (read) => this.#keep(signing, kept, read),
          (error: unknown) => this.#miss(signing, kept, error),
        )
        .finally(() => {
          kept.reading = undefined;
        });
    } catch (error) {
      this.#miss(signing, kept, error);
    }
  }

  #keep({ ttl }: DkimSigning, kept: KeptKey, key: KeyObject): void {
    kept.key = key;
    kept.failure = undefined;
    kept.until = this.#settings.now() + ttl;
    kept.staleUntil = kept.until + STALE_KEY_MS_MAX;
  }

  #miss(signing: DkimSigning, kept: KeptKey, error: unknown): void {
    const now = this.#settings.now();
    kept.failure = sayKeyProblem(signing, error);
    kept.until = now + KEY_RETRY_MS;
    if (kept.key === undefined) return;
    if (now < kept.staleUntil) this.#settings.warn(`${kept.failure}; the former key signs on`);
    else kept.key = undefined;
  }
}
