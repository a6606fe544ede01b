/**
 * The world's names: a zone table, asked with delay, faults and times to live. The one idea: the
 * zone may change while the world runs; an answer holds until it expires, no longer. Deliberately
 * unknown here: DNS on the wire.
 */
import type {
  AddressAnswer,
  Fault,
  FaultCode,
  MxAnswer,
  MxRecord,
  Resolver,
} from '../../src/ports/ports.ts';
import type { Chance, Faults } from './chance.ts';
import type { LifeClock } from './clock.ts';

const LOOKUP_MS_MAX = 40;
const TIMEOUT_MS = 5_000;

/** What the zone says of a name's mail. */
export type ZoneMx =
  | readonly MxRecord[]
  | 'absent'
  | 'nxdomain'
  | 'servfail'
  | 'timeout'
  | 'nullMx';

/** The names of a world. */
export class Zone {
  readonly mx = new Map<string, ZoneMx>();
  readonly addresses = new Map<string, readonly string[]>();
  ttlMs = 60_000;
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
  return {
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
