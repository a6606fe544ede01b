/**
 * Helper `shaping`: how fast and in which way a source may talk to a site, from data files over a
 * small file of our own. The idea: DNS is asked once, when a version is prepared, which site each
 * domain in the files belongs to; from there on an answer is a look-up. It answers for every path.
 * It does not know connections, and it does not act on automation rules.
 */
import { flag, oneOf } from '../../domain/option-kinds.ts';
import type { OptionTable, Parsed } from '../../domain/options.ts';
import { option, readOptions, required } from '../../domain/options.ts';
import { ANSWERS_ALL } from '../define.ts';
import type { Checks, MxAnswer, OptionValue, PolicyPart, Preparing } from '../hooks.ts';
import type { PolicyError } from '../policy-error.ts';
import { borrowWorld } from '../world.ts';
import type { AutomationRule } from './automation.ts';
import type { DataSource } from './files.ts';
import { dataSources, parseDataText, readDataFiles, refuseIn } from './files.ts';
import type { ShapingAnswers } from './shaping-answer.ts';
import { createShapingAnswers, matchingProviders } from './shaping-answer.ts';
import { DEFAULT_SHAPING } from './shaping-default.ts';
import type { ShapingData } from './shaping-file.ts';
import { joinShapingData, NO_SHAPING_DATA, readShapingFile } from './shaping-file.ts';

const severity = oneOf('Ignore', 'Warn', 'Error');

const SETTINGS = {
  files: required(dataSources, 'files of shaping data'),
  no_default_files: option(flag, false, 'leave out the file that comes with the program'),
  aliased_site: option(severity, 'Warn', 'two domains in the files are one site'),
  dns_fail: option(severity, 'Warn', 'the site of a domain could not be found'),
  null_mx: option(severity, 'Warn', 'a domain says that it takes no mail'),
  provider_overlap: option(severity, 'Warn', 'a domain in the files matches two providers'),
  // In the reference a table of these settings without this one means that lost files are not
  // told of; its manual means what is done here.
  local_load: option(severity, 'Error', 'a file could not be read'),
} satisfies OptionTable;

type Settings = Parsed<typeof SETTINGS>;
type SeverityName = 'aliased_site' | 'dns_fail' | 'null_mx' | 'provider_overlap' | 'local_load';
type Severity = 'Ignore' | 'Warn' | 'Error';

/** What `shaping` is given. */
export interface ShapingSettings extends Partial<Readonly<Record<SeverityName, Severity>>> {
  readonly files: readonly DataSource[];
  readonly no_default_files?: boolean;
}

/** A rule, and for what it was written. */
export interface ScopedRule {
  readonly scope: 'default' | 'provider' | 'site' | 'domain';
  /** The provider or domain; '' for `default`. */
  readonly name: string;
  readonly rule: AutomationRule;
}

/** The part, with what automation will ask of it. */
export interface ShapingPart extends PolicyPart {
  readonly automation: readonly ScopedRule[];
}

const FACT = 'shaping.sites';
const DEFAULT_NAME = 'the built-in shaping file';

const report = (
  checks: Checks,
  how: Severity,
  where: string,
  problem: string,
  fix: string,
): void => {
  if (how === 'Error') checks.refuse(where, problem, fix);
  if (how === 'Warn') checks.warn(where, problem);
};

const sitesIn = (fact: OptionValue | undefined): ReadonlyMap<string, string> =>
  new Map(Object.entries((fact ?? {}) as Readonly<Record<string, string>>));

const rulesIn = (data: ShapingData): readonly ScopedRule[] => {
  const scoped = (scope: ScopedRule['scope'], name: string, rules: readonly AutomationRule[]) =>
    rules.map((rule) => ({ scope, name, rule }));
  return Object.freeze([
    ...scoped('default', '', data.base.rules),
    ...[...data.providers].flatMap(([name, { rules }]) => scoped('provider', name, rules)),
    ...data.rollups.flatMap(({ domain, block }) => scoped('site', domain, block.rules)),
    ...[...data.domains].flatMap(([name, { rules }]) => scoped('domain', name, rules)),
  ]);
};

const resolveAll = async (
  world: Preparing,
  domains: readonly string[],
): Promise<ReadonlyMap<string, MxAnswer>> => {
  // All at once: who lends the network says how many are really asked at a time, and for how long.
  const ask = async (domain: string) => [domain, await world.resolveMx(domain)] as const;
  return new Map(await Promise.all(domains.map(ask)));
};

// The sites of the domains in the files, and what is odd about them.
const learnSites = async (
  world: Preparing,
  data: ShapingData,
  settings: Settings,
): Promise<ReadonlyMap<string, string>> => {
  const places = new Map(data.rollups.map(({ domain, where }) => [domain, where]));
  const sites = new Map<string, string>();
  const first = new Map<string, string>();
  const own = 'write mx_rollup = false if only this domain is meant';
  for (const [domain, answer] of await resolveAll(world, [...places.keys()])) {
    const where = places.get(domain) ?? domain;
    if ('fault' in answer) {
      const problem = `its exchangers are not known (${answer.fault}), so it holds for no site`;
      report(world, settings.dns_fail, where, problem, own);
      continue;
    }
    if (answer.hosts.length === 0) {
      report(world, settings.null_mx, where, 'this domain takes no mail (null MX)', 'remove it');
      continue;
    }
    const alias = first.get(answer.site_name);
    if (alias !== undefined) {
      const problem = `it is the same site as ${alias}; what is written later counts for both`;
      report(world, settings.aliased_site, where, problem, 'write one of them, or a provider');
    }
    const providers = matchingProviders(data, domain, answer.hosts);
    if (providers.length > 1) {
      const problem = `it matches the providers ${providers.join(', ')}; the last one names it`;
      report(world, settings.provider_overlap, where, problem, 'narrow what they match');
    }
    first.set(answer.site_name, alias ?? domain);
    sites.set(domain, answer.site_name);
  }
  return sites;
};

const checkData = (data: ShapingData, checks: Checks): void => {
  for (const name of data.base.sources.keys()) {
    const problem = `sources.'${name}' of default is never applied; write it for a provider`;
    checks.warn('default', problem);
  }
  for (const { domain, where } of data.rollups) {
    if (!domain.includes('.')) checks.warn(where, 'one label alone: were the quotes forgotten?');
  }
  for (const [name, { match }] of data.providers) {
    if (match.length === 0) checks.warn(`provider.'${name}'`, 'has no match, so it never applies');
  }
};

/** Shaping from files: `[default]`, `[provider."p"]`, `["example.com"]`. */
export const shaping = (given: ShapingSettings): ShapingPart => {
  const settings = refuseIn('shaping()', () => readOptions(SETTINGS, given, ''));
  const lost: PolicyError[] = [];
  const canLose = settings.local_load !== 'Error';
  const onLost = canLose ? (refusal: PolicyError) => void lost.push(refusal) : undefined;
  const own = settings.no_default_files ? [] : [parseDataText(DEFAULT_SHAPING, DEFAULT_NAME)];
  const data = [...own, ...readDataFiles(settings.files, onLost)]
    .map(readShapingFile)
    .reduce(joinShapingData, NO_SHAPING_DATA);
  // Kept from now on: a version that is used later has the facts of its own preparation.
  const world = borrowWorld();
  let answers: ShapingAnswers | undefined;
  const part: PolicyPart = {
    get_egress_path_config(routingDomain, source, site, mxHosts) {
      answers ??= createShapingAnswers(data, sitesIn(world.facts[FACT]));
      return answers.find({ routingDomain, source, site, mxHosts });
    },
    async prepare(preparing) {
      const sites = await learnSites(preparing, data, settings);
      preparing.keepFact(FACT, Object.fromEntries(sites));
      answers = createShapingAnswers(data, sites);
    },
    validate_config(checks) {
      for (const { place, problem } of lost) {
        report(checks, settings.local_load, place, problem, 'correct the path');
      }
      checkData(data, checks);
    },
  };
  // Neither is a handler, so neither is seen by what lists the handlers of a part.
  return Object.defineProperties(part, {
    automation: { value: rulesIn(data) },
    [ANSWERS_ALL]: { value: ['get_egress_path_config'] },
  }) as ShapingPart;
};
