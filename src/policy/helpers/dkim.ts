/**
 * Helper `dkim`: which signatures mail of a domain gets, from data files. The idea: every block is
 * laid over `base`, so that a signature is complete before anybody asks; the domain asked about is
 * the one of the From header. It signs nothing: `lookup` says what is to be signed with which key.
 * It does not know keys as bytes, nor messages.
 */
import { readOptions } from '../../domain/options.ts';
import type { Checks, PolicyPart } from '../hooks.ts';
import { PolicyError } from '../policy-error.ts';
import type { DkimData, DkimSettings, DkimSignature } from './dkim-file.ts';
import { DKIM_SETTINGS, joinDkim, makeSignature } from './dkim-file.ts';
import { createDomainMap, normalDomain } from './domain-map.ts';
import { readDataFiles, refuseIn } from './files.ts';
import type { Placings } from './origins.ts';
import { layOver } from './origins.ts';

/** The part, with what signing asks of it. */
export interface DkimPart extends PolicyPart {
  /** The signatures of mail whose From header has this domain; none at all is an empty list. */
  lookup(fromDomain: string): readonly DkimSignature[];
}

// A block of a wildcard signs as the very domain of the From header, with the key of that domain.
type Signer = (domain: string) => readonly DkimSignature[];

interface Additional {
  readonly signature: DkimSignature;
  readonly isOnlyIfMissing: boolean;
}

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
      signature: makeSignature(laid, undefined, `signature.'${name}'`, keyFolder),
      isOnlyIfMissing: laid.get('policy')?.value === 'OnlyIfMissingDomainBlock',
    };
  });
};

const checkReferences = (data: DkimData, checks: Checks): void => {
  const named = (data.base.get('additional_signatures')?.value ?? []) as readonly string[];
  for (const [name, placings] of data.signatures) {
    if (named.includes(name)) continue;
    const where = [...placings.values()][0]?.origin ?? `signature.'${name}'`;
    checks.warn(where, `the signature ${name} is not in additional_signatures, so it is not used`);
  }
};

/** DKIM signatures from files: `[base]`, `[domain."example.com"]`, `[signature."esp"]`. */
export const dkim = (settings: DkimSettings): DkimPart => {
  const { files, key_dir } = refuseIn('dkim()', () => readOptions(DKIM_SETTINGS, settings, ''));
  const data = joinDkim(readDataFiles(files));
  const additional = additionalIn(data, key_dir);
  const always = additional.filter(({ isOnlyIfMissing }) => !isOnlyIfMissing);
  const beside = Object.freeze(additional.map(({ signature }) => signature));
  const signaturesOf = ([name, own]: readonly [string, Placings]): readonly [string, Signer] => {
    const laid = layOver(data.base, own);
    const sign: Signer = (domain) => {
      const signature = makeSignature(laid, domain, `domain.'${name}'`, key_dir);
      return Object.freeze([signature, ...always.map((further) => further.signature)]);
    };
    // Made also for a wildcard, so that its mistakes are seen now and not with the first mail.
    const made = sign(name.replace('*', 'domain'));
    return [name, name.startsWith('*') ? sign : () => made];
  };
  const domains = createDomainMap([...data.domains].map(signaturesOf));
  const lookup = (fromDomain: string): readonly DkimSignature[] =>
    domains.find(fromDomain)?.(normalDomain(fromDomain)) ?? beside;
  const part: PolicyPart = { validate_config: (checks) => checkReferences(data, checks) };
  return Object.defineProperty(part, 'lookup', { value: lookup }) as DkimPart;
};
