/**
 * Helper `dkim`: which signatures mail of a domain gets, from data files. The idea: every block is
 * laid over `base`, so that a signature is complete before anybody asks; the domain asked about is
 * the one of the From header. It says what is to be signed with which key, and has it signed.
 * It does not know keys as bytes, nor messages beyond their From header.
 */
import { isHostName } from '../../domain/option-places.ts';
import { readOptions } from '../../domain/options.ts';
import type { DkimSigning } from '../../domain/options-dkim.ts';
import { reject } from '../../domain/reject.ts';
import type { Checks, PolicyPart } from '../hooks.ts';
import { PolicyError } from '../policy-error.ts';
import type { DkimSigner } from '../signers.ts';
import { signerFor } from '../signers.ts';
import type { DkimData, DkimSettings } from './dkim-file.ts';
import { DKIM_SETTINGS, joinDkim, makeSignature } from './dkim-file.ts';
import { createDomainMap, normalDomain } from './domain-map.ts';
import { readDataFiles, refuseIn } from './files.ts';
import type { Placings } from './origins.ts';
import { layOver } from './origins.ts';

/** What signing asks of a message. */
export interface SignableMessage {
  /** The author's address, or nothing where there is no From header that names one. */
  from_header(): { readonly domain?: string | undefined } | null | undefined;
  dkim_sign(signer: DkimSigner): Promise<unknown> | unknown;
}

/** The part, with what signing asks of it. */
export interface DkimPart extends PolicyPart {
  /** The signatures of mail whose From header has this domain; none at all is an empty list. */
  lookup(fromDomain: string): readonly DkimSigning[];
  /**
   * Signs a message as the files say, once; to be the last step before it is queued. Refuses one
   * without a From header (552), as nobody could say for whom it would be signed. As a part of the
   * policy the helper does this by itself for whatever has a From header.
   */
  sign(message: SignableMessage): Promise<void>;
}

/** Signatures of one From domain, and what makes them. */
interface Signed {
  readonly signings: readonly DkimSigning[];
  readonly signer: DkimSigner;
}

// A block of a wildcard signs as the very domain of the From header, with the key of that domain.
type SignedFor = (domain: string) => Signed;

interface Additional {
  readonly signing: DkimSigning;
  readonly isOnlyIfMissing: boolean;
  readonly where: string;
}

/** Domains for which a wildcard keeps what it made; beyond it they are made again. */
const WILD_DOMAINS_MAX = 1_024;
const NO_FROM = '5.6.0 DKIM signing requires a From header with the domain of its author';

const signedBy = (signings: readonly DkimSigning[]): Signed =>
  Object.freeze({ signings: Object.freeze(signings), signer: signerFor(signings) });

const additionalIn = (data: DkimData, keyFolder: string): readonly Additional[] => {
  const names = (data.base.get('additional_signatures')?.value ?? []) as readonly string[];
  return names.map((name) => {
    const own = data.signatures.get(name);
    if (own === undefined) {
      const where = data.base.get('additional_signatures')?.origin ?? 'base';
      const problem = `the signature '${name}' is not defined`;
      throw new PolicyError(where, problem, `add [signature."${name}"]`);
    }
    const laid = layOver(data.base, own);
    return {
      signing: makeSignature(laid, undefined, `signature.'${name}'`, keyFolder),
      isOnlyIfMissing: laid.get('policy')?.value === 'OnlyIfMissingDomainBlock',
      where: originOf(own, `signature.'${name}'`),
    };
  });
};

const originOf = (placings: Placings, otherwise: string): string =>
  [...placings.values()][0]?.origin ?? otherwise;

const checkReferences = (data: DkimData, checks: Checks): void => {
  const named = (data.base.get('additional_signatures')?.value ?? []) as readonly string[];
  for (const [name, placings] of data.signatures) {
    if (named.includes(name)) continue;
    const where = originOf(placings, `signature.'${name}'`);
    checks.warn(where, `the signature ${name} is not in additional_signatures, so it is not used`);
  }
};

/** All files of one helper, asked by the domain of the From header. */
class Signatures {
  readonly #data: DkimData;
  readonly #keyFolder: string;
  readonly #additional: readonly Additional[];
  readonly #beside: Signed;
  readonly #domains;

  constructor(data: DkimData, keyFolder: string) {
    this.#data = data;
    this.#keyFolder = keyFolder;
    this.#additional = additionalIn(data, keyFolder);
    this.#beside = signedBy(this.#additional.map(({ signing }) => signing));
    this.#domains = createDomainMap([...data.domains].map(([name]) => [name, this.#of(name)]));
  }

  find(fromDomain: string): Signed {
    const domain = normalDomain(fromDomain);
    const found = isHostName(domain) ? this.#domains.find(domain) : undefined;
    return found?.(domain) ?? this.#beside;
  }

  check(checks: Checks): void {
    checkReferences(this.#data, checks);
    for (const { signing, where } of this.#additional) checks.expectKey(signing, where);
    for (const [name, own] of this.#data.domains) {
      // The keys of a wildcard are those of domains that nobody has named yet, but for a file.
      if (name.startsWith('*') && !layOver(this.#data.base, own).has('filename')) continue;
      const [signing] = this.find(name.replace('*', 'domain')).signings;
      if (signing !== undefined) checks.expectKey(signing, originOf(own, `domain.'${name}'`));
    }
  }

  #of(name: string): SignedFor {
    const make = (domain: string): Signed => {
      const laid = layOver(this.#data.base, this.#data.domains.get(name) ?? new Map());
      const own = makeSignature(laid, domain, `domain.'${name}'`, this.#keyFolder);
      const always = this.#additional.filter(({ isOnlyIfMissing }) => !isOnlyIfMissing);
      return signedBy([own, ...always.map(({ signing }) => signing)]);
    };
    // Made also for a wildcard, so that its mistakes are seen now and not with the first mail.
    const made = make(name.replace('*', 'domain'));
    if (!name.startsWith('*')) return () => made;
    const kept = new Map<string, Signed>();
    return (domain) => {
      const known = kept.get(domain);
      if (known !== undefined) return known;
      if (kept.size >= WILD_DOMAINS_MAX) kept.clear();
      const signed = make(domain);
      kept.set(domain, signed);
      return signed;
    };
  }
}

const signMessageBy = async (signatures: Signatures, message: SignableMessage): Promise<void> => {
  const domain = message.from_header()?.domain;
  if (domain === undefined || !isHostName(domain)) return reject(552, NO_FROM);
  const { signings, signer } = signatures.find(domain);
  if (signings.length > 0) await message.dkim_sign(signer);
};

/** Signs what has an author's domain; what was signed by hand in an earlier part stays as it is. */
const signOnce = (signatures: Signatures): ((message: SignableMessage) => Promise<void>) => {
  const signed = new WeakSet<SignableMessage>();
  return async (message) => {
    if (signed.has(message)) return;
    signed.add(message);
    await signMessageBy(signatures, message);
  };
};

/** DKIM signatures from files: `[base]`, `[domain."example.com"]`, `[signature."esp"]`. */
export const dkim = (settings: DkimSettings): DkimPart => {
  const { files, key_dir } = refuseIn('dkim()', () => readOptions(DKIM_SETTINGS, settings, ''));
  const signatures = new Signatures(joinDkim(readDataFiles(files)), key_dir);
  const sign = signOnce(signatures);
  const signIfAuthored = async (message: SignableMessage): Promise<void> => {
    const domain = message.from_header()?.domain;
    if (domain !== undefined && isHostName(domain)) await sign(message);
  };
  const part: PolicyPart = {
    validate_config: (checks) => signatures.check(checks),
    smtp_server_message_received: signIfAuthored,
    http_message_generated: signIfAuthored,
    ndr_message_generated: signIfAuthored,
  };
  // Beside the handlers, and not among them.
  return Object.defineProperties(part, {
    lookup: { value: (fromDomain: string) => signatures.find(fromDomain).signings },
    sign: { value: sign },
  }) as DkimPart;
};
