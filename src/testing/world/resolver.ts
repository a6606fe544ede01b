/**
 * The world's names: a zone table, asked with delay, faults and times to live; beside it the files
 * of MTA-STS policies. The one idea: the zone may change while the world runs; an answer holds
 * until it expires, no longer. Deliberately unknown here: DNS and HTTPS on the wire.
 */
import { formatKept, parseKept } from '../../domain/mta-sts-kept.ts';
import type { StsShelf } from '../../domain/mta-sts-policies.ts';
import type {
  AddressAnswer,
  Fault,
  FaultCode,
  MxAnswer,
  MxRecord,
  PolicyFetch,
  Resolver,
  TxtAnswer,
} from '../../ports/ports.ts';
import type { Chance, Faults } from './chance.ts';
import type { LifeClock } from './clock.ts';

const LOOKUP_MS_MAX = 40;
const TIMEOUT_MS = 5_000;
const FETCH_MS_MAX = 20_000;

/** What the zone says of a name's mail. */
export type ZoneMx =
  | readonly MxRecord[]
  | 'absent'
  | 'nxdomain'
  | 'servfail'
  | 'timeout'
  | 'nullMx';

const createShelf = (): StsShelf => {
  let text = '';
  return {
    load: () => parseKept(text),
    changed: (all) => {
      text = formatKept(all());
    },
  };
};

/** The address of the nth host: documentation's, then those between carriers (RFC 6598). */
export const addressOf = (host: number): string =>
  host < 256
    ? `198.51.100.${host}`
    : `100.${64 + ((host >> 16) & 63)}.${(host >> 8) & 255}.${host & 255}`;

/** The names of a world. */
export class Zone {
  readonly mx = new Map<string, ZoneMx>();
  readonly addresses = new Map<string, readonly string[]>();
  readonly txt = new Map<string, readonly string[]>();
  /** By domain: the file of its MTA-STS policy. */
  readonly policies = new Map<string, string>();
  /** Files that an engine got, in order. */
  readonly fetched: { readonly domain: string; readonly at: number; readonly text: string }[] = [];
  ttlMs = 60_000;
  /** Policies that an engine learnt; they outlive it, as in a file of its data directory. */
  readonly shelf: StsShelf = createShelf();
  /** Look-ups of MX made, by name. */
  readonly asked = new Map<string, number>();
}

const FAULTS: Readonly<Record<'nxdomain' | 'servfail' | 'timeout', FaultCode>> = {
  nxdomain: 'FAULT_DNS_NXDOMAIN',
  servfail: 'FAULT_DNS_SERVFAIL',
  timeout: 'FAULT_DNS_TIMEOUT',
};

/** The resolver of one process. */
export function makeResolver(
  zone: Zone,
  clock: LifeClock,
  chance: Chance,
  faultsNow: () => Faults,
): Resolver {
  const failed = (where: string, kind: keyof typeof FAULTS) => {
    const fault: Fault = { code: FAULTS[kind], where, cause: kind.toUpperCase(), retryable: true };
    return { kind: 'failed' as const, fault, expiresAt: clock.now() };
  };
  const isOut = (): boolean => chance.hits(faultsNow().dns);
  const mxOf = (name: string): MxAnswer => {
    const known = zone.mx.get(name) ?? 'nxdomain';
    const expiresAt = clock.now() + zone.ttlMs;
    if (known === 'absent') return { kind: 'absent', expiresAt };
    if (known === 'nullMx') {
      return { kind: 'found', records: [{ preference: 0, exchange: '' }], expiresAt };
    }
    if (typeof known === 'string') return failed(name, known);
    return { kind: 'found', records: known, expiresAt };
  };
  const addressesOf = (host: string): AddressAnswer => {
    const addresses = zone.addresses.get(host);
    if (addresses === undefined) return failed(host, 'nxdomain');
    return { kind: 'found', addresses, expiresAt: clock.now() + zone.ttlMs };
  };
  const textsOf = (name: string): TxtAnswer => {
    const texts = zone.txt.get(name);
    const expiresAt = clock.now() + zone.ttlMs;
    return texts === undefined
      ? { kind: 'absent', expiresAt }
      : { kind: 'found', texts, expiresAt };
  };
  return {
    findTxt(name, answered) {
      const isLost = isOut();
      clock.after(chance.between(1, LOOKUP_MS_MAX), () =>
        answered(isLost ? failed(name, 'servfail') : textsOf(name)),
      );
    },
    findMx(name, answered) {
      zone.asked.set(name, (zone.asked.get(name) ?? 0) + 1);
      const isSlow = zone.mx.get(name) === 'timeout';
      const waitMs = isSlow ? TIMEOUT_MS : chance.between(1, LOOKUP_MS_MAX);
      const isLost = isOut();
      clock.after(waitMs, () => answered(isLost ? failed(name, 'servfail') : mxOf(name)));
    },
    findAddresses(host, _strategy, answered) {
      const isLost = isOut();
      clock.after(chance.between(1, LOOKUP_MS_MAX), () =>
        answered(isLost ? failed(host, 'timeout') : addressesOf(host)),
      );
    },
  };
}

/** The policies as one process fetches them. */
export function makePolicyFetch(
  zone: Zone,
  clock: LifeClock,
  chance: Chance,
  faultsNow: () => Faults,
): PolicyFetch {
  return {
    fetchPolicy(domain, answered) {
      const isLost = chance.hits(faultsNow().web);
      const fault = (code: FaultCode): Fault => ({
        code,
        where: domain,
        cause: code,
        retryable: true,
      });
      clock.after(chance.between(1, isLost ? FETCH_MS_MAX : LOOKUP_MS_MAX), () => {
        const text = zone.policies.get(domain);
        if (isLost) answered(fault('FAULT_LINK_TIMEOUT'));
        else if (text === undefined) answered(fault('FAULT_HTTP_ANSWER'));
        else {
          zone.fetched.push({ domain, at: clock.now(), text });
          answered(text);
        }
      });
    },
  };
}
