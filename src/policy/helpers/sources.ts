/**
 * Helper `sources`: egress sources and pools from data files. The idea: a source is the options of
 * all files laid over each other, a pool is all the entries of all files one after another.
 * It does not know queues, nor which source is healthy.
 */
import { mapOf, natural, tableOf } from '../../domain/option-kinds.ts';
import type { Kind, OptionTable } from '../../domain/options.ts';
import { option, optional, readOptions, required } from '../../domain/options.ts';
import { parseSourceConfig, SOURCE_OPTIONS, UNSPECIFIED } from '../../domain/options-egress.ts';
import type { Checks, PolicyPart, PoolOptions, SourceOptions } from '../hooks.ts';
import { PolicyError } from '../policy-error.ts';
import type { DataFile, DataSource, DataTable } from './files.ts';
import { dataSources, readDataFiles, refuseIn } from './files.ts';
import type { Placings } from './origins.ts';
import { answerFrom, layOver, NOTHING_PLACED, placeOptions } from './origins.ts';

const { name: _name, ...SOURCE_BLOCK } = SOURCE_OPTIONS;
const POOL_MEMBER = {
  weight: option(natural, 1, 'its share of the mail; 0 is not used'),
} satisfies OptionTable;
const FILE_OPTIONS = {
  source: optional(mapOf(tableOf(SOURCE_BLOCK)), 'sources by name'),
  pool: optional(mapOf(mapOf(tableOf(POOL_MEMBER))), 'pools by name: their members by name'),
} satisfies OptionTable;

/** The form of a file of sources and pools. */
export const SOURCES_FILE: Kind<unknown> = tableOf(FILE_OPTIONS);

const HELPER_OPTIONS = {
  files: required(dataSources, 'files of sources and pools'),
} satisfies OptionTable;

/** What `sources` is given. */
export interface SourcesSettings {
  readonly files: readonly DataSource[];
}

interface Member {
  readonly name: string;
  readonly weight: number;
  readonly where: string;
}

interface SourceData {
  readonly sources: ReadonlyMap<string, Placings>;
  readonly pools: ReadonlyMap<string, readonly Member[]>;
}

const tablesIn = (table: DataTable, key: string): readonly (readonly [string, DataTable])[] =>
  Object.entries((table[key] ?? {}) as DataTable) as [string, DataTable][];

const refuseBuiltIn = (file: string, kind: string, name: string): void => {
  if (name !== UNSPECIFIED) return;
  const problem = `${kind}.'${name}': this name is built in`;
  throw new PolicyError(file, problem, `give the ${kind} another name`);
};

const readMembers = (file: string, pool: string, table: DataTable): readonly Member[] =>
  Object.entries(table).map(([name, options]) => ({
    name,
    weight: Number((options as DataTable)['weight'] ?? 1),
    where: `${file}: pool.'${pool}'.'${name}'`,
  }));

/** Checks each file by itself and joins them in their order. */
export const joinSources = (files: readonly DataFile[]): SourceData => {
  const sources = new Map<string, Placings>();
  const pools = new Map<string, readonly Member[]>();
  for (const { name: file, table } of files) {
    refuseIn(file, () => readOptions(FILE_OPTIONS, table, ''));
    for (const [name, options] of tablesIn(table, 'source')) {
      refuseBuiltIn(file, 'source', name);
      const placed = placeOptions(file, `source.'${name}'`, options, () => true);
      sources.set(name, layOver(sources.get(name) ?? NOTHING_PLACED, placed));
    }
    for (const [name, members] of tablesIn(table, 'pool')) {
      refuseBuiltIn(file, 'pool', name);
      pools.set(name, [...(pools.get(name) ?? []), ...readMembers(file, name, members)]);
    }
  }
  return { sources, pools };
};

const poolAnswer = (file: string, members: readonly Member[]): PoolOptions => {
  const entries = members.map(({ name, weight }) => ({ name, weight }));
  return answerFrom(new Map([['entries', { value: entries, origin: file }]]));
};

const originOfSource = (name: string, placings: Placings): string => {
  const key = `source.'${name}'`;
  const files = [...placings.values()].map(({ origin }) => origin.split(`: ${key}`)[0] ?? '');
  return `${[...new Set(files)].join(' and ')}: ${key}`;
};

const originOfPool = (name: string, members: readonly Member[]): string => {
  const files = new Set(members.map(({ where }) => where.slice(0, where.indexOf(': pool.'))));
  return `${[...files].join(' and ')}: pool.'${name}'`;
};

const checkPools = (pools: SourceData['pools'], checks: Checks): void => {
  for (const [pool, members] of pools) {
    const seen = new Set<string>();
    for (const { name, where } of members) {
      checks.expectSource(name, where);
      if (seen.has(name)) checks.warn(where, `${name} is in the pool ${pool} more than once`);
      seen.add(name);
    }
    if (members.every(({ weight }) => weight === 0)) {
      checks.warn(originOfPool(pool, members), `the pool ${pool} has no source that is used`);
    }
    checks.expectPool(pool, originOfPool(pool, members));
  }
};

/** Sources and pools from files: `[source."ip-1"]`, `[pool."main"."ip-1"] weight = 2`. */
export const sources = (settings: SourcesSettings): PolicyPart => {
  const { files } = refuseIn('sources()', () => readOptions(HELPER_OPTIONS, settings, ''));
  const data = joinSources(readDataFiles(files));
  const answers = new Map<string, SourceOptions>();
  for (const [name, placings] of data.sources) {
    const answer = answerFrom(placings);
    // What one option asks of another can only be seen once the files are joined.
    refuseIn(originOfSource(name, placings), () => parseSourceConfig({ ...answer, name }, ''));
    answers.set(name, answer);
  }
  const pools = new Map<string, PoolOptions>();
  for (const [name, members] of data.pools) {
    pools.set(name, poolAnswer(originOfPool(name, members), members));
  }
  return {
    get_egress_source: (name) => answers.get(name),
    get_egress_pool: (name) => pools.get(name),
    validate_config(checks) {
      for (const [name, placings] of data.sources) {
        checks.expectSource(name, originOfSource(name, placings));
      }
      checkPools(data.pools, checks);
    },
  };
};
