/**
 * Puts the providers of a models file into a simulated world: names, addresses, and at them a
 * receiver for each. The one idea: domains of one provider share its exchangers, so that they share
 * a site and its limits as they do outside.
 * Deliberately unknown here: how a receiver behaves (receiver.ts), and who asks for it.
 */
import type { MxRecord } from '../../ports/ports.ts';
import { Chance } from '../world/chance.ts';
import { Exchanger } from '../world/exchanger.ts';
import type { World } from '../world/world.ts';
import type { ProviderModel, ProviderModels } from './model.ts';
import { modelManner } from './receiver.ts';

/** By domain: its exchangers, as the zone has them now. */
export type PlacedNames = ReadonlyMap<string, readonly MxRecord[]>;

/** Addresses of the range for benchmarks (RFC 2544), which no policy names. */
const addressOf = (number: number): string => `198.18.${(number >> 8) & 255}.${number & 255}`;
/** No SIZE: a log does not tell which messages would have been too large. */
const OFFERS = ['PIPELINING', '8BITMIME', 'SMTPUTF8'];
const ADDRESSES_MAX = 65_536;

/**
 * Places the models' receivers; `domains` are those that mail may go to besides. What they draw
 * comes of the world's seed and their own name. Answers the names, for whoever breaks and mends.
 */
export function placeModels(
  world: World,
  { models, others }: ProviderModels,
  domains: readonly string[] = [],
): PlacedNames {
  const names = new Map<string, readonly MxRecord[]>();
  const place = makePlacer(world, names);
  for (const model of models) place(model, model.site);
  if (others === undefined) return names;
  for (const domain of domains) {
    if (names.has(domain)) continue;
    place({ ...others, domains: [domain], hosts: [], addresses: [] }, domain);
  }
  return names;
}

function makePlacer(world: World, names: Map<string, readonly MxRecord[]>) {
  const { net, zone } = world;
  let used = 0;
  return (model: ProviderModel, name: string): void => {
    const hosts = model.hosts.length > 0 ? model.hosts : [`mx.${model.domains[0] ?? name}`];
    const manner = modelManner(model, new Chance(world.seed ^ sumOf(name)));
    const exchanger = new Exchanger(hosts[0] as string, manner, OFFERS);
    exchanger.tls = model.tls;
    exchanger.isPunctual = true;
    for (const address of model.addresses) net.addHost(address, exchanger);
    const records = hosts.map((exchange, index) => {
      if (used >= ADDRESSES_MAX) throw new Error(`more than ${ADDRESSES_MAX} exchangers in models`);
      const address = model.addresses[index] ?? addressOf(used);
      used += 1;
      if (!net.hosts.has(address)) net.addHost(address, exchanger);
      zone.addresses.set(exchange, [address]);
      return { preference: 10, exchange };
    });
    const [first] = zone.addresses.get(hosts[0] as string) ?? [];
    for (const domain of model.domains) {
      zone.mx.set(domain, records);
      names.set(domain, records);
      // Under this name a world finds the receiver of a domain.
      if (first !== undefined) zone.addresses.set(`mx.${domain}`, [first]);
    }
  };
}

/** A number of a name: FNV-1a. */
function sumOf(name: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    sum = Math.imul(sum ^ name.charCodeAt(index), 0x01000193);
  }
  return sum >>> 0;
}
