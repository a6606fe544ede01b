/**
 * Who receives in a simulation: each domain has an exchanger of its own, and each name and address
 * that the policy speaks of is one, too, so that smart hosts and rules about exchangers find their
 * mail. They behave well until told otherwise. Knows no scenario and no traffic.
 */
import { behaveWell } from './behaviours.ts';
import type { ProviderModels } from './models/model.ts';
import type { PlacedNames } from './models/placing.ts';
import { placeModels } from './models/placing.ts';
import { exchangerOf } from './names.ts';
import type { Words } from './words.ts';
import { Exchanger } from './world/exchanger.ts';
import type { World } from './world/world.ts';

const NONE: PlacedNames = new Map();

/** Has the names lead to the exchanger of a domain, as when nothing is wrong with them. */
export function mendName(world: World, words: Words, domain: string, placed = NONE): void {
  const own = [{ preference: 10, exchange: exchangerOf(domain, words) }];
  world.zone.mx.set(domain, placed.get(domain) ?? own);
}

/**
 * Receivers for domains, and for the addresses of the policy's own; models go before. Answers the
 * names that the models gave.
 */
export function populate(
  world: World,
  words: Words,
  domains: readonly string[],
  models?: ProviderModels,
): PlacedNames {
  const { net, zone } = world;
  const own = new Set(words.domains);
  net.elsewhere = 'open';
  for (const domain of domains) {
    behaveWell(world.addDomain(domain, () => undefined));
    mendName(world, words, domain);
    const address = zone.addresses.get(`mx.${domain}`) ?? [];
    zone.addresses.set(exchangerOf(domain, words), address);
    if (own.has(domain)) zone.addresses.set(domain, address);
  }
  for (const address of words.addresses) {
    if (net.hosts.has(address)) continue;
    behaveWell(net.addHost(address, new Exchanger(`[${address}]`)));
  }
  return models === undefined ? NONE : placeModels(world, models, domains);
}
