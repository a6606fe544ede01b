/**
 * The names of a simulated Internet: each domain has an exchanger of its own, and domains made for
 * a suffix have one whose name ends so, so that rules about exchangers find their mail. The same
 * names answer while a policy is prepared and while it runs. Knows no world and no engine.
 */
import type { Resolver } from '../ports/ports.ts';
import type { Words } from './words.ts';

/** Domains that no policy speaks of. */
export const PLAIN_DOMAINS: readonly string[] = ['a.test', 'b.test'];

/** Far enough: prepared answers do not grow old. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** The domains that mail may go to. */
export const domainsOf = ({ domains, suffixes }: Words): readonly string[] => [
  ...new Set([...PLAIN_DOMAINS, ...suffixes.map((_, index) => `s${index}.test`), ...domains]),
];

/** The exchanger of a domain. */
export function exchangerOf(domain: string, { suffixes }: Words): string {
  const made = /^s(\d+)\.test$/.exec(domain);
  const suffix = made === null ? undefined : suffixes[Number(made[1])];
  return suffix === undefined ? `mx.${domain}` : `mx1${suffix}`;
}

/** A resolver that knows every name, at once. */
export function namesResolver(words: Words): Resolver {
  return {
    findMx: (name, answered) => {
      const records = [{ preference: 10, exchange: exchangerOf(name, words) }];
      answered({ kind: 'found', records, expiresAt: NEVER });
    },
    findAddresses: (_host, _strategy, answered) =>
      answered({ kind: 'found', addresses: ['198.51.100.1'], expiresAt: NEVER }),
    findTxt: (_name, answered) => answered({ kind: 'absent', expiresAt: NEVER }),
  };
}
