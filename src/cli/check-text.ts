/**
 * How the verdict of a check looks: the law, the timeline, the line that repeats it, and which
 * parts of the policy were reached. Prints nothing itself.
 */
import process from 'node:process';
import type { Checked, Counterexample, TestPolicy } from '../testing/testing.ts';
import { timeline } from '../testing/timeline.ts';
import { count, harmless, paint } from './terminal.ts';

/** What was reached of one kind, and what never was. */
interface Covered {
  readonly kind: string;
  readonly reached: readonly string[];
  readonly never: readonly string[];
}

const NAMES_MAX = 12;

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
export function coverageOf({ reached }: Checked, policy: TestPolicy): readonly Covered[] {
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

const listed = (names: readonly string[]): string => {
  const more = names.length - NAMES_MAX;
  const shown = names.slice(0, NAMES_MAX).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
};

function describeCoverage(covered: readonly Covered[]): string[] {
  return covered.map(({ kind, reached, never }) => {
    const whole = reached.length + never.length;
    const line = `  ${kind.padEnd(9)} ${reached.length} of ${whole} reached`;
    return never.length === 0 ? line : `${line}; never: ${listed(never)}`;
  });
}

function describeFound(found: Counterexample): string[] {
  const { law, breach, scenario, result } = found;
  const steps = scenario.steps.length;
  return [
    `${paint(process.stdout, 'red', 'broken:')} ${law.name}`,
    `  ${law.says}`,
    `  ${paint(process.stdout, 'bold', breach.says)}`,
    '',
    `After ${steps} step${steps === 1 ? '' : 's'}, times from the start:`,
    timeline(result, { about: breach.about }),
    '',
  ];
}

/** The verdict for people. */
export function describeCheck(checked: Checked, policy: TestPolicy, repeat: string): string {
  const { counterexample, runs, laws, seed } = checked;
  const good = `${laws.length} laws hold in ${count(runs)} runs (seed ${seed})`;
  const lines = [
    ...policy.warnings.map((text) => `${paint(process.stdout, 'yellow', 'warning:')} ${text}`),
    ...(counterexample === undefined
      ? [paint(process.stdout, 'green', good)]
      : describeFound(counterexample)),
    'Reached:',
    ...describeCoverage(coverageOf(checked, policy)),
    ...(counterexample === undefined ? [] : ['', `Again: ${repeat}`]),
  ];
  return lines.map((line) => line.split('\n').map(keepColour).join('\n')).join('\n');
}

// Colours are ours; whatever else would steer a terminal came from a policy or a receiver.
const keepColour = (line: string): string =>
  line
    .split(/(\u001b\[\d*m)/)
    .map((part, index) => (index % 2 === 1 ? part : harmless(part)))
    .join('');

/** The verdict for programs. */
export function jsonOfCheck(checked: Checked, policy: TestPolicy, repeat: string) {
  const { counterexample, runs, laws, seed } = checked;
  const coverage = Object.fromEntries(
    coverageOf(checked, policy).map(({ kind, reached, never }) => [kind, { reached, never }]),
  );
  const base = { seed, runs, laws: laws.map(({ name }) => name), coverage };
  if (counterexample === undefined) return { isGood: true, ...base };
  const { law, breach, scenario, path, result } = counterexample;
  const told = timeline(result, { about: breach.about });
  const found = { law: law.name, says: breach.says, scenario, path, repeat, timeline: told };
  return { isGood: false, ...base, ...found };
}
