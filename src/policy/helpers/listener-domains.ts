/**
 * Helper `listenerDomains`: what may be relayed for which domain, from data files, for all
 * listeners or for one. The idea: three look-ups, narrow to wide, and the first entry found is used
 * whole: an entry for one listener that says nothing of relay_to does not relay.
 * It does not know sessions, or who is asked in what order.
 */
import { parseIp } from '../../domain/ip.ts';
import { listOf, mapOf, tableOf, text } from '../../domain/option-kinds.ts';
import { listenPlace } from '../../domain/option-places.ts';
import { openTable } from '../../domain/option-tables.ts';
import type { Kind, OptionTable } from '../../domain/options.ts';
import { locate, optional, readOptions, required } from '../../domain/options.ts';
import { LISTENER_DOMAIN_OPTIONS } from '../../domain/options-listener.ts';
import type { ListenerDomainOptions, PolicyPart } from '../hooks.ts';
import { PolicyError } from '../policy-error.ts';
import type { DomainMap } from './domain-map.ts';
import { createDomainMap, domainKeyProblem, normalDomain } from './domain-map.ts';
import type { DataFile, DataSource, DataTable } from './files.ts';
import { dataSources, readDataFiles, refuseIn } from './files.ts';
import type { Placings } from './origins.ts';
import { answerFrom, layOver, NOTHING_PLACED, placeOptions } from './origins.ts';

const AUTHZ = 'relay_from_authz';
const DOMAIN_BLOCK = {
  ...LISTENER_DOMAIN_OPTIONS,
  [AUTHZ]: optional(listOf(text), 'who, once known, may relay anywhere as this domain'),
} satisfies OptionTable;
const domainBlock = tableOf(DOMAIN_BLOCK);
const FILE_OPTIONS = {
  listener: optional(mapOf(mapOf(domainBlock)), 'by ip:port of a listener: domains by name'),
} satisfies OptionTable;

/** The form of a file of listener domains. */
export const LISTENER_DOMAINS_FILE: Kind<unknown> = openTable(FILE_OPTIONS, {
  what: 'domain',
  kind: domainBlock,
});

const HELPER_OPTIONS = {
  files: required(dataSources, 'files of listener domains'),
} satisfies OptionTable;

/** What `listenerDomains` is given. */
export interface ListenerDomainsSettings {
  readonly files: readonly DataSource[];
}

type DomainBlocks = Map<string, Placings>;

interface Entry {
  readonly answer: ListenerDomainOptions;
  /** Who may relay without being in a network of relay_from. */
  readonly authz: ReadonlySet<string>;
}

const EVERY_LISTENER = '*';

const addDomains = (
  file: string,
  path: string,
  domains: DataTable,
  known: DomainBlocks,
): DomainBlocks => {
  for (const [domain, block] of Object.entries(domains)) {
    const key = path === '' ? `'${domain}'` : `${path}.'${domain}'`;
    const problem = domainKeyProblem(domain);
    if (problem !== undefined) {
      throw new PolicyError(file, `${key}: ${problem}`, "write it like '*.example.com'");
    }
    const placed = placeOptions(file, key, block as DataTable, () => true);
    const name = normalDomain(domain);
    known.set(name, layOver(known.get(name) ?? NOTHING_PLACED, placed));
  }
  return known;
};

/** Checks each file by itself and joins them in their order: by listener, then by domain. */
export const joinListenerDomains = (
  files: readonly DataFile[],
): ReadonlyMap<string, ReadonlyMap<string, Placings>> => {
  const listeners = new Map<string, DomainBlocks>();
  const blocksOf = (listener: string): DomainBlocks => {
    const known = listeners.get(listener) ?? new Map<string, Placings>();
    listeners.set(listener, known);
    return known;
  };
  for (const { name: file, table } of files) {
    refuseIn(file, () => LISTENER_DOMAINS_FILE.read(table));
    const { listener, ...domains } = table;
    addDomains(file, '', domains, blocksOf(EVERY_LISTENER));
    for (const [endpoint, own] of Object.entries((listener ?? {}) as DataTable)) {
      const key = `listener.'${endpoint}'`;
      refuseIn(file, () => locate('', key, () => listenPlace.read(endpoint)));
      addDomains(file, key, own as DataTable, blocksOf(endpoint));
    }
  }
  return listeners;
};

const makeEntry = (placings: Placings): Entry => {
  const options = new Map(placings);
  options.delete(AUTHZ);
  const authz = (placings.get(AUTHZ)?.value ?? []) as readonly string[];
  return { answer: answerFrom(options), authz: new Set(authz) };
};

const addressOf = (place: string | undefined): string | undefined => {
  if (place === undefined || parseIp(place) !== undefined) return place;
  const match = /^\[([^\]]+)\]:\d+$/.exec(place) ?? /^([^:]+):\d+$/.exec(place);
  const address = match?.[1];
  return address === undefined || parseIp(address) === undefined ? undefined : address;
};

// A peer that proved to be somebody on the list needs no network: it is let in by its own address,
// which takes the place of the networks rather than joining them.
const answerFor = (
  { answer, authz }: Entry,
  meta: Readonly<Record<string, string>>,
): ListenerDomainOptions => {
  const who = meta['authz_id'];
  const peer = addressOf(meta['received_from']);
  if (who === undefined || peer === undefined || !authz.has(who)) return answer;
  return Object.freeze({ ...answer, relay_from: [peer] });
};

/** Domains from files: `["example.com"] relay_to = true`, `[listener."127.0.0.1:25"."*"]`. */
export const listenerDomains = (settings: ListenerDomainsSettings): PolicyPart => {
  const { files } = refuseIn('listenerDomains()', () => readOptions(HELPER_OPTIONS, settings, ''));
  const maps = new Map<string, DomainMap<Entry>>();
  for (const [listener, blocks] of joinListenerDomains(readDataFiles(files))) {
    const entries = [...blocks].map(([name, placings]) => [name, makeEntry(placings)] as const);
    maps.set(listener, createDomainMap(entries));
  }
  return {
    get_listener_domain(domain, listener, meta) {
      const entry = maps.get(listener)?.find(domain) ?? maps.get(EVERY_LISTENER)?.find(domain);
      return entry === undefined ? undefined : answerFor(entry, meta);
    },
  };
};
