/**
 * Under which addresses a listener is reached: one that listens everywhere is reached at every
 * address of the machine, and mail sent to any of them would come back to us. Addresses that come
 * later are not seen; the bound on hops at intake ends what they let through.
 */
import { networkInterfaces } from 'node:os';

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** The addresses at which a listener on `address` is reached. */
export function reachedAt(address: string): string[] {
  if (!EVERYWHERE.has(address)) return [address];
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  // An IPv6 socket that listens everywhere takes IPv4 as well.
  const fits = found.filter(({ family }) => address === '::' || family === 'IPv4');
  return [address, ...new Set(fits.map((one) => one.address))];
}
