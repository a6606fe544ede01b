/**
 * Signing as one thread does it: orders in, header fields out, with the keys of this thread. The
 * idea: a signature to make comes as a text, so that an order costs little to post and what it says
 * is read once.
 * Deliberately unknown here: who asks, and on which thread this runs.
 */
import type { KeyObject } from 'node:crypto';
import type { KeyedSigning } from '../../dkim/sign.ts';
import { signMessage } from '../../dkim/sign.ts';
import type { DkimSigning } from '../../domain/options-dkim.ts';
import { SigningKeys } from './signing-keys.ts';

/** Signatures whose texts are kept as read; beyond it they are read again. */
const SIGNINGS_MAX = 1_024;

/** What a desk stands on. */
export interface SigningDeskSettings {
  /** Milliseconds since 1970, for `t=` and `x=`. */
  readonly wallMs: () => number;
  /** Steady milliseconds, for the age of keys. */
  readonly steadyMs: () => number;
  readonly warn: (sentence: string) => void;
}

/** The desk. */
export class SigningDesk {
  readonly #settings: SigningDeskSettings;
  readonly #keys: SigningKeys;
  readonly #known = new Map<string, DkimSigning>();

  constructor(settings: SigningDeskSettings) {
    this.#settings = settings;
    this.#keys = new SigningKeys({ now: settings.steadyMs, warn: settings.warn });
  }

  /** Signs; `texts` are signatures as JSON. At once where all keys are at hand. */
  sign(chunks: readonly Uint8Array[], texts: readonly string[]): string | Promise<string> {
    const signings = texts.map((text) => this.#read(text));
    const keys = signings.map((signing) => this.#keys.find(signing));
    if (keys.some((key) => key instanceof Promise)) {
      return Promise.all(keys).then((found) => this.#make(chunks, signings, found));
    }
    return this.#make(chunks, signings, keys as KeyObject[]);
  }

  #make(
    chunks: readonly Uint8Array[],
    signings: readonly DkimSigning[],
    keys: readonly KeyObject[],
  ): string {
    const keyed = signings.map((signing, at): KeyedSigning => {
      return { signing, key: keys[at] as KeyObject };
    });
    return signMessage(chunks, keyed, Math.floor(this.#settings.wallMs() / 1_000));
  }

  #read(text: string): DkimSigning {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= SIGNINGS_MAX) this.#known.clear();
    const signing = JSON.parse(text) as DkimSigning;
    this.#known.set(text, signing);
    return signing;
  }
}
