/**
 * Files of shaping data: how they look, and how several become one. The idea: a block (`default`, a
 * provider, a domain) is options, options by source and rules; blocks of one key are laid over each
 * other in the order of the files, unless one says `replace_base`.
 * It does not know exchangers, so the blocks that hold for a domain's site stay in their order.
 */
import { isHookDomain } from '../../domain/hook-name.ts';
import { OptionValueError, showValue } from '../../domain/option-error.ts';
import { flag, limit, listOf, mapOf, tableOf, throttle } from '../../domain/option-kinds.ts';
import { openTable } from '../../domain/option-tables.ts';
import type { Kind, OptionTable } from '../../domain/options.ts';
import { isTable, optional } from '../../domain/options.ts';
import { PATH_OPTIONS } from '../../domain/options-path.ts';
import { isPolicyError, PolicyError } from '../policy-error.ts';
import type { AutomationRule } from './automation.ts';
import { RULE_OPTIONS, readRule } from './automation.ts';
import { normalDomain } from './domain-map.ts';
import type { DataFile, DataTable } from './files.ts';
import { refuseIn } from './files.ts';
import type { Join, Placings } from './origins.ts';
import { layOver, NOTHING_PLACED, placeOptions } from './origins.ts';

/** What makes a provider's block hold for a domain. */
export interface MatchRule {
  readonly kind: 'MXSuffix' | 'HostName' | 'DomainSuffix';
  readonly value: string;
}

const MATCHES: readonly MatchRule['kind'][] = ['MXSuffix', 'HostName', 'DomainSuffix'];

const matchRule: Kind<MatchRule> = {
  name: '{MXSuffix}, {HostName} or {DomainSuffix}',
  schema: {
    anyOf: MATCHES.map((kind) => ({
      type: 'object',
      properties: { [kind]: { type: 'string', minLength: 1 } },
      required: [kind],
      additionalProperties: false,
    })),
  },
  read(value) {
    const [key, ...more] = isTable(value) ? Object.keys(value) : [];
    const kind = MATCHES.find((one) => one === key);
    const text = isTable(value) && kind !== undefined ? value[kind] : undefined;
    if (kind === undefined || more.length > 0 || typeof text !== 'string' || text === '') {
      const fix = "write {MXSuffix = '.example.com'}, {HostName = ...} or {DomainSuffix = ...}";
      throw new OptionValueError(`${showValue(value)} matches nothing`, fix);
    }
    return { kind, value: text.toLowerCase() };
  },
};

/** Rows of a provider that become limits and rates shared by all its sites. */
export const PROVIDER_ROWS = {
  provider_connection_limit: optional(limit, 'connections at once to all sites of the provider'),
  provider_max_message_rate: optional(throttle, 'messages to all sites of the provider'),
} satisfies OptionTable;
/** Rows of a source of a provider. */
export const PROVIDER_SOURCE_ROWS = {
  ...PROVIDER_ROWS,
  provider_source_selection_rate: optional(throttle, 'how often the source is chosen for it'),
} satisfies OptionTable;

const BLOCK_ROWS = {
  replace_base: optional(flag, 'forget what was said of this before'),
  automation: optional(listOf(tableOf(RULE_OPTIONS)), 'rules; kept for when there is automation'),
} satisfies OptionTable;
const DOMAIN_ROWS = {
  ...BLOCK_ROWS,
  mx_rollup: optional(flag, 'hold for the site of this domain; true unless said'),
  sources: optional(mapOf(tableOf(PATH_OPTIONS)), 'options by source'),
} satisfies OptionTable;
const DOMAIN_BLOCK = { ...PATH_OPTIONS, ...DOMAIN_ROWS } satisfies OptionTable;
const PROVIDER_SOURCE = { ...PATH_OPTIONS, ...PROVIDER_SOURCE_ROWS } satisfies OptionTable;
const PROVIDER_BLOCK = {
  ...PATH_OPTIONS,
  ...BLOCK_ROWS,
  ...PROVIDER_ROWS,
  match: optional(listOf(matchRule), 'to which domains this applies'),
  sources: optional(mapOf(tableOf(PROVIDER_SOURCE)), 'options by source'),
} satisfies OptionTable;

const domainBlock = tableOf(DOMAIN_BLOCK);

/** The form of a file of shaping data. */
export const SHAPING_FILE: Kind<unknown> = openTable(
  {
    default: optional(domainBlock, 'what holds for everything'),
    provider: optional(mapOf(tableOf(PROVIDER_BLOCK)), 'providers by name'),
  },
  { what: 'domain', kind: domainBlock },
);

/** One block, or several of one key laid over each other. */
export interface ShapingBlock {
  readonly options: Placings;
  readonly sources: ReadonlyMap<string, Placings>;
  readonly rules: readonly AutomationRule[];
  /** Only a provider has any. */
  readonly match: readonly MatchRule[];
  /** It also takes away what stands beneath it: `default` and providers. */
  readonly isBaseReplaced: boolean;
}

/** A block that holds for the site of a domain. */
export interface RollupBlock {
  readonly domain: string;
  readonly where: string;
  readonly block: ShapingBlock;
}

/** All files of one helper joined, as far as that goes without asking DNS. */
export interface ShapingData {
  readonly base: ShapingBlock;
  readonly providers: ReadonlyMap<string, ShapingBlock>;
  readonly domains: ReadonlyMap<string, ShapingBlock>;
  /** In the order in which they were written, because sites are not known yet. */
  readonly rollups: readonly RollupBlock[];
}

const PER_ENTRY: readonly string[] = [
  'additional_connection_limits',
  'additional_message_rate_throttles',
  'additional_source_selection_rates',
];

/** How options of shaping blocks are joined: named limits and rates by name, all else whole. */
export const joinShapingOption: Join = (name, before, after) =>
  PER_ENTRY.includes(name)
    ? Object.fromEntries([
        ...Object.entries(before as DataTable),
        ...Object.entries(after as DataTable),
      ])
    : after;

/** Nothing at all. */
export const EMPTY_SHAPING_BLOCK: ShapingBlock = {
  options: NOTHING_PLACED,
  sources: new Map(),
  rules: [],
  match: [],
  isBaseReplaced: false,
};

/** Lays a later block of the same key over those before it. */
export const joinShapingBlocks = (before: ShapingBlock, after: ShapingBlock): ShapingBlock => {
  // In the reference `provider_max_message_rate` always stays that of the first file, and only the
  // first block of a key can say that it takes away what stands beneath. Its manual makes neither
  // exception, nor is one made here.
  if (after.isBaseReplaced) return after;
  const sources = new Map(before.sources);
  for (const [name, over] of after.sources) {
    sources.set(name, layOver(sources.get(name) ?? NOTHING_PLACED, over, joinShapingOption));
  }
  return {
    options: layOver(before.options, after.options, joinShapingOption),
    sources,
    rules: [...before.rules, ...after.rules],
    match: [...before.match, ...after.match],
    isBaseReplaced: before.isBaseReplaced,
  };
};

const joinInto = (
  before: ReadonlyMap<string, ShapingBlock>,
  after: ReadonlyMap<string, ShapingBlock>,
): ReadonlyMap<string, ShapingBlock> => {
  const joined = new Map(before);
  for (const [name, block] of after) {
    joined.set(name, joinShapingBlocks(before.get(name) ?? EMPTY_SHAPING_BLOCK, block));
  }
  return joined;
};

/** No data at all: what joining begins with. */
export const NO_SHAPING_DATA: ShapingData = {
  base: EMPTY_SHAPING_BLOCK,
  providers: new Map(),
  domains: new Map(),
  rollups: [],
};

/** Joins the data of a later file to that of the files before it. */
export const joinShapingData = (before: ShapingData, after: ShapingData): ShapingData => ({
  base: joinShapingBlocks(before.base, after.base),
  providers: joinInto(before.providers, after.providers),
  domains: joinInto(before.domains, after.domains),
  rollups: [...before.rollups, ...after.rollups],
});

const KEPT_ROWS: readonly string[] = [...Object.keys(DOMAIN_ROWS), 'match'];
const isOption = (name: string): boolean => !KEPT_ROWS.includes(name);

const readBlock = (file: string, path: string, table: DataTable): ShapingBlock => {
  const { sources = {}, automation = [], match = [] } = table;
  const own = Object.entries(sources as DataTable).map(([name, options]) => {
    const place = `${path}.sources.'${name}'`;
    return [name, placeOptions(file, place, options as DataTable, () => true)] as const;
  });
  return {
    options: placeOptions(file, path, table, isOption),
    sources: new Map(own),
    rules: (automation as readonly unknown[]).map(readRule),
    match: (match as readonly unknown[]).map((rule) => matchRule.read(rule)),
    isBaseReplaced: table['replace_base'] === true,
  };
};

// `[example.com]` without quotes is a table `example` with a table `com` in it.
const checkQuoting = (file: string, key: string, table: DataTable): void => {
  const inner = Object.keys(table).find(
    (name) => isTable(table[name]) && !Object.hasOwn(DOMAIN_BLOCK, name),
  );
  if (inner === undefined) return;
  const problem = `'${key}'.${inner}: a table in a domain that is no option`;
  throw new PolicyError(file, problem, `if '${key}.${inner}' is meant, write ["${key}.${inner}"]`);
};

const checkKey = (file: string, key: string, table: DataTable): void => {
  if (key.includes('*') || normalDomain(key).split('.').includes('')) {
    const fix = 'name a domain, or use a provider with DomainSuffix';
    throw new PolicyError(file, `'${key}': this is no domain`, fix);
  }
  checkQuoting(file, key, table);
};

/** One file, checked by itself. */
export const readShapingFile = ({ name: file, table }: DataFile): ShapingData => {
  const { default: base, provider, ...others } = table;
  try {
    refuseIn(file, () => SHAPING_FILE.read(table));
  } catch (thrown) {
    if (!isPolicyError(thrown)) throw thrown;
    for (const [key, block] of Object.entries(others)) checkQuotingOf(file, key, block);
    throw thrown;
  }
  const domains = new Map<string, ShapingBlock>();
  const rollups: RollupBlock[] = [];
  for (const [key, raw] of Object.entries(others)) {
    const domain = normalDomain(key);
    checkKey(file, key, raw as DataTable);
    const block = readBlock(file, `'${key}'`, raw as DataTable);
    // A log hook has no exchangers; `mx_rollup = false` is customary for it, and implied.
    const isRollup = (raw as DataTable)['mx_rollup'] !== false && !isHookDomain(domain);
    if (isRollup) rollups.push({ domain, where: `${file}: '${key}'`, block });
    else domains.set(domain, joinShapingBlocks(domains.get(domain) ?? EMPTY_SHAPING_BLOCK, block));
  }
  const providers = Object.entries((provider ?? {}) as DataTable).map(([name, block]) => {
    return [name, readBlock(file, `provider.'${name}'`, block as DataTable)] as const;
  });
  return {
    base: readBlock(file, 'default', (base ?? {}) as DataTable),
    providers: new Map(providers),
    domains,
    rollups,
  };
};

// The better explanation of a refusal, where there is one.
const checkQuotingOf = (file: string, key: string, block: unknown): void => {
  if (isTable(block)) checkQuoting(file, key, block as DataTable);
};
