/**
 * What is asked of the world about domains: names in DNS, and the policies that domains publish
 * about TLS. A part of the ports, taken from `ports.ts` by everybody. Deliberately unknown here:
 * how it is asked, sites, plans.
 */
import type { At, Fault, Ms } from './ports.ts';

/** One MX record. */
export interface MxRecord {
  readonly preference: number;
  /** Lower case, without the trailing dot; '' is the null MX of RFC 7505. */
  readonly exchange: string;
}

/** `absent` = NODATA: the name exists and has no MX. */
export type MxAnswer =
  | { readonly kind: 'found'; readonly records: readonly MxRecord[]; readonly expiresAt: At }
  | { readonly kind: 'absent'; readonly expiresAt: At }
  | {
      readonly kind: 'failed';
      readonly fault: Fault;
      readonly expiresAt: At;
      /** How long the look-up ran, where the adapter knows it; for the text of the reply. */
      readonly tookMs?: Ms;
    };

/** The addresses of a host. */
export type AddressAnswer =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly expiresAt: At }
  | { readonly kind: 'failed'; readonly fault: Fault; readonly expiresAt: At };

/** Which address families are looked up, and which comes first. */
export type IpLookupStrategy =
  | 'Ipv4AndIpv6'
  | 'Ipv4Only'
  | 'Ipv6Only'
  | 'Ipv6ThenIpv4'
  | 'Ipv4ThenIpv6';

/** The texts of a name, each record's strings joined. `absent` = NODATA. */
export type TxtAnswer =
  | { readonly kind: 'found'; readonly texts: readonly string[]; readonly expiresAt: At }
  | { readonly kind: 'absent'; readonly expiresAt: At }
  | { readonly kind: 'failed'; readonly fault: Fault; readonly expiresAt: At };

/** Answers may come from a bounded cache that honours times to live, and may come at once. */
export interface Resolver {
  findMx(name: string, answered: (answer: MxAnswer) => void): void;
  findAddresses(
    host: string,
    strategy: IpLookupStrategy,
    answered: (answer: AddressAnswer) => void,
  ): void;
  findTxt(name: string, answered: (answer: TxtAnswer) => void): void;
}

/** Fetches the files in which domains publish their MTA-STS policies (RFC 8461 section 3.3). */
export interface PolicyFetch {
  /**
   * Gets `https://mta-sts.<domain>/.well-known/mta-sts.txt`; the text is as it came, checked for
   * size, type and certificate alone. Answers within 20 s, whatever the queue, and never at once.
   * FAULT_OVERLOADED: too many wait.
   */
  fetchPolicy(domain: string, answered: (outcome: string | Fault) => void): void;
}
