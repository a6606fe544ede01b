/**
 * What came of a check as plain data: it survives a thread, a process and JSON, which runs and laws
 * do not. The one idea: whoever shows a verdict, in a terminal, in a test file or as a refusal,
 * shows the same one. Deliberately unknown here: terminals.
 */
import type { Checked, Counterexample } from './checking.ts';
import type { Breach, Law } from './laws/law.ts';
import type { TestPolicy } from './load-policy.ts';
import type { Scenario } from './scenario.ts';
import { timeline } from './timeline.ts';

/** What was reached of one kind, and what never was. */
export interface Covered {
  readonly kind: string;
  readonly reached: readonly string[];
  readonly never: readonly string[];
}

/** What broke a law. */
export interface Found {
  readonly law: Pick<Law, 'name' | 'says'>;
  readonly breach: Pick<Breach, 'says'>;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly path: string;
  readonly timeline: string;
}

/** A verdict. */
export interface CheckVerdict {
  readonly seed: number;
  readonly runs: number;
  /** Their names. */
  readonly laws: readonly string[];
  readonly warnings: readonly string[];
  readonly coverage: readonly Covered[];
  readonly found?: Found;
}

/** Pools by tenant, as they were declared. */
export type Tenants = Readonly<Record<string, readonly string[]>>;

const coverOf = (
  kind: string,
  known: readonly string[],
  reached: ReadonlyMap<string, number>,
): Covered => ({
  kind,
  reached: [...new Set([...known.filter((name) => reached.has(name)), ...reached.keys()])],
  never: known.filter((name) => !reached.has(name)),
});

/** Which parts of the policy the runs came to. */
function coverageOf({ reached }: Pick<Checked, 'reached'>, policy: TestPolicy): readonly Covered[] {
  // A table within a table is of the outer one.
  const isIn = (place: string, section: string): boolean =>
    place === section || place.startsWith(`${section}.`);
  const places = [...reached.sections.keys()];
  const met = policy.sections.filter((one) => places.some((place) => isIn(place, one)));
  const sections = new Map(met.map((one) => [one, 1] as const));
  const handlers = new Map(
    [...reached.handlers].filter(([name]) => (policy.handlers as readonly string[]).includes(name)),
  );
  return [
    coverOf('handlers', policy.handlers, handlers),
    coverOf('pools', policy.pools, reached.pools),
    coverOf('sources', policy.sources, reached.sources),
    coverOf('sections', policy.sections, sections),
  ].filter((one) => one.reached.length + one.never.length > 0);
}

const foundOf = ({ law, breach, scenario, seed, path, result }: Counterexample): Found => ({
  law: { name: law.name, says: law.says },
  breach: { says: breach.says },
  scenario,
  seed,
  path,
  timeline: timeline(result, { about: breach.about }),
});

/** The verdict of a check. */
export function verdictOf(checked: Checked, policy: TestPolicy): CheckVerdict {
  const { seed, runs, laws, counterexample } = checked;
  return {
    seed,
    runs,
    laws: laws.map(({ name }) => name),
    warnings: policy.warnings,
    coverage: coverageOf(checked, policy),
    ...(counterexample === undefined ? {} : { found: foundOf(counterexample) }),
  };
}

/** The command that leads straight to what was found. */
export function repeatLine(
  file: string,
  { seed, found }: CheckVerdict,
  tenants: Tenants = {},
): string {
  const path = found?.path ?? '';
  const words = ['waybill check', quoted(file), `--seed ${seed}`, path && `--path ${path}`];
  const declared = Object.entries(tenants).map(
    ([tenant, pools]) => `--tenant ${quoted(`${tenant}=${pools.join(',')}`)}`,
  );
  return [...words, ...declared].filter((word) => word !== '').join(' ');
}

/** As a shell takes it back. */
const quoted = (word: string): string =>
  /^[\w./:=,@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** What happened, where anything had to happen: without a step the sentence has said it all. */
export function describeSteps({ scenario, timeline: told }: Found): string {
  const { length } = scenario.steps;
  if (length === 0) return '';
  return `After ${length} step${length === 1 ? '' : 's'}, times from the start:\n${told}`;
}
