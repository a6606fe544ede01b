/**
 * From shaping data to the options of one path. The idea: which blocks hold for a routing domain, a
 * site and a source is a short list; equal lists give the same frozen object, so that a hundred
 * thousand queues share the few answers that a set of files can give.
 *   default, providers, their sources, site, domain, sources of the site, sources of the domain
 * It does not ask DNS: sites are what was learnt when the version was prepared.
 */
import { isHookDomain } from '../../domain/hook-name.ts';
import { classifyRoutingDomain } from '../../domain/routing-domain.ts';
import type { OptionValue, PathOptions } from '../hooks.ts';
import { normalDomain } from './domain-map.ts';
import type { Placed, Placings } from './origins.ts';
import { answerFrom, layOver, NOTHING_PLACED } from './origins.ts';
import type { MatchRule, RollupBlock, ShapingBlock, ShapingData } from './shaping-file.ts';
import {
  EMPTY_SHAPING_BLOCK,
  joinShapingBlocks,
  joinShapingOption,
  PROVIDER_SOURCE_ROWS,
} from './shaping-file.ts';

/** Which path is asked about; names of exchangers as DNS gave them. */
export interface PathQuestion {
  readonly routingDomain: string;
  readonly source: string;
  readonly site: string;
  readonly mxHosts: readonly string[];
}

/** Answers questions about paths. */
export interface ShapingAnswers {
  find(question: PathQuestion): PathOptions;
}

type Matcher = (domain: string, hosts: readonly string[]) => boolean;

interface Provider {
  readonly name: string;
  readonly block: ShapingBlock;
  readonly isMatch: Matcher;
}

const ANSWERS_MAX = 8_192;

const BENEATH: Placings = new Map([
  ['refresh_strategy', { value: 'Epoch', origin: 'shaping(): built in' }],
]);

const lay = (under: Placings, over: Placings): Placings => layOver(under, over, joinShapingOption);

// Suffixes are texts, not labels: `foo.com` also means `barfoo.com`, so files write `.foo.com`.
const createMatcher = (rules: readonly MatchRule[]): Matcher => {
  const valuesOf = (wanted: MatchRule['kind']): readonly string[] =>
    rules.flatMap(({ kind, value }) => (kind === wanted ? [value] : []));
  const domainSuffixes = valuesOf('DomainSuffix');
  const hostSuffixes = valuesOf('MXSuffix');
  const hostNames = new Set(valuesOf('HostName').map(normalDomain));
  const isOurs = (host: string): boolean =>
    hostNames.has(host) || hostSuffixes.some((suffix) => host.endsWith(suffix));
  return (domain, hosts) =>
    domainSuffixes.some((suffix) => domain.endsWith(suffix)) ||
    (hosts.length > 0 && hosts.every(isOurs));
};

/** The providers that match, in the order of the files; hosts are compared in lower case. */
export const matchingProviders = (
  data: ShapingData,
  domain: string,
  mxHosts: readonly string[],
): readonly string[] => {
  const hosts = mxHosts.map(normalDomain);
  return [...data.providers]
    .filter(([, { match }]) => createMatcher(match)(normalDomain(domain), hosts))
    .map(([name]) => name);
};

// What a provider limits as a whole becomes a named limit that all its sites share, by source.
const impliedBy = (provider: string, source: string, block: Placings): Placings => {
  const prefix = `shaping-provider-${provider}-${source}`;
  const implied = new Map<string, Placed>();
  const imply = (row: string, option: string, name: string): void => {
    const placed = block.get(row);
    if (placed === undefined) return;
    const value: OptionValue = { [`${prefix}-${name}`]: placed.value };
    implied.set(option, { value, origin: placed.origin });
  };
  imply('provider_connection_limit', 'additional_connection_limits', 'limit');
  imply('provider_max_message_rate', 'additional_message_rate_throttles', 'rate');
  imply('provider_source_selection_rate', 'additional_source_selection_rates', 'selection-rate');
  return implied;
};

const layProviders = (
  under: Placings,
  providers: readonly Provider[],
  source: string,
): Placings => {
  let laid = under;
  for (const { name, block } of providers) {
    laid = lay(lay(laid, block.options), impliedBy(name, source, block.options));
    const origin = block.options.values().next().value?.origin ?? `provider.'${name}'`;
    laid = lay(laid, new Map([['provider_name', { value: name, origin }]]));
  }
  for (const { name, block } of providers) {
    const own = block.sources.get(source);
    if (own !== undefined) laid = lay(lay(laid, own), impliedBy(name, source, own));
  }
  return laid;
};

interface Layers {
  readonly providers: readonly Provider[];
  readonly site: ShapingBlock;
  readonly domain: ShapingBlock;
  readonly source: string;
}

const makeAnswer = (base: ShapingBlock, layers: Layers): PathOptions => {
  const { providers, site, domain, source } = layers;
  let laid = layProviders(base.options, providers, source);
  for (const block of [site, domain]) {
    laid = block.isBaseReplaced ? block.options : lay(laid, block.options);
  }
  for (const block of [site, domain]) {
    laid = lay(laid, block.sources.get(source) ?? NOTHING_PLACED);
  }
  const rows = [...laid].filter(([name]) => !Object.hasOwn(PROVIDER_SOURCE_ROWS, name));
  return answerFrom(layOver(BENEATH, new Map(rows)));
};

interface Sites {
  readonly bySite: ReadonlyMap<string, ShapingBlock>;
  /** For the domains that are written in the files: their own site, or what is said of them. */
  readonly byDomain: ReadonlyMap<string, ShapingBlock>;
}

const foldSites = (rollups: readonly RollupBlock[], siteOf: ReadonlyMap<string, string>): Sites => {
  const bySite = new Map<string, ShapingBlock>();
  const alone = new Map<string, ShapingBlock>();
  for (const { domain, block } of rollups) {
    const site = siteOf.get(domain);
    const [known, key] = site === undefined ? [alone, domain] : [bySite, site];
    known.set(key, joinShapingBlocks(known.get(key) ?? EMPTY_SHAPING_BLOCK, block));
  }
  const byDomain = new Map(alone);
  for (const [domain, site] of siteOf) {
    const block = bySite.get(site);
    if (block !== undefined) byDomain.set(domain, block);
  }
  return { bySite, byDomain };
};

/** Answers from `data`, with the sites of its rollup domains as far as they are known. */
export const createShapingAnswers = (
  data: ShapingData,
  siteOf: ReadonlyMap<string, string>,
): ShapingAnswers => {
  const { bySite, byDomain } = foldSites(data.rollups, siteOf);
  const providers = [...data.providers].map(([name, block]) => ({
    name,
    block,
    isMatch: createMatcher(block.match),
  }));
  const ids = new Map<ShapingBlock, number>();
  const idOf = (block: ShapingBlock): number => {
    const id = ids.get(block) ?? ids.size;
    ids.set(block, id);
    return id;
  };
  const answers = new Map<string, PathOptions>();
  const matchedBy = (routingDomain: string, mxHosts: readonly string[]): readonly Provider[] => {
    const place = classifyRoutingDomain(routingDomain);
    if (place.kind !== 'name') return [];
    const hosts = mxHosts.map(normalDomain);
    return providers.filter(({ isMatch }) => isMatch(place.name, hosts));
  };
  return {
    find({ routingDomain, source, site, mxHosts }) {
      const name = normalDomain(routingDomain);
      // What holds for everybody protects receivers of mail; a log hook is none.
      const base = isHookDomain(name) ? EMPTY_SHAPING_BLOCK : data.base;
      const layers = {
        providers: matchedBy(routingDomain, mxHosts),
        // What is written of a domain's site holds for that domain also when its exchangers were
        // not to be found as the version was prepared, or have changed since: a limit must not be
        // lost to a failure of DNS, though then it holds for this domain alone.
        site: bySite.get(site) ?? byDomain.get(name) ?? EMPTY_SHAPING_BLOCK,
        domain: data.domains.get(name) ?? EMPTY_SHAPING_BLOCK,
        source,
      };
      const blocks = [...layers.providers.map(({ block }) => block), layers.site, layers.domain];
      // Without providers or options by source, all sources have one answer.
      const isOwn =
        layers.providers.length > 0 || blocks.some(({ sources }) => sources.has(source));
      const key = `${[base, ...blocks].map(idOf).join(' ')} ${isOwn ? source : ''}`;
      const known = answers.get(key);
      if (known !== undefined) return known;
      const made = makeAnswer(base, layers);
      if (answers.size >= ANSWERS_MAX) answers.clear();
      answers.set(key, made);
      return made;
    },
  };
};
