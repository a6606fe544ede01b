/**
 * How the verdict of a check looks: the law, the timeline, the line that repeats it, and which
 * parts of the policy were reached. Prints nothing itself.
 */
import process from 'node:process';
import type { CheckVerdict, Covered, Found } from '../testing/verdict.ts';
import { describeSteps } from '../testing/verdict.ts';
import { count, harmless, paint } from './terminal.ts';

const NAMES_MAX = 12;

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

function describeFound(found: Found): string[] {
  const { law, breach } = found;
  const steps = describeSteps(found);
  return [
    `${paint(process.stdout, 'red', 'broken:')} ${law.name}`,
    `  ${law.says}`,
    `  ${paint(process.stdout, 'bold', breach.says)}`,
    '',
    ...(steps === '' ? [] : [steps, '']),
  ];
}

/** The verdict for people. */
export function describeCheck(verdict: CheckVerdict, repeat: string): string {
  const { found, runs, laws, seed, warnings, coverage } = verdict;
  const times = runs === 1 ? 'run' : 'runs';
  const good = `${laws.length} laws hold in ${count(runs)} ${times} (seed ${seed})`;
  const lines = [
    ...warnings.map((text) => `${paint(process.stdout, 'yellow', 'warning:')} ${text}`),
    ...(found === undefined ? [paint(process.stdout, 'green', good)] : describeFound(found)),
    'Reached:',
    ...describeCoverage(coverage),
    ...(found === undefined ? [] : ['', `Again: ${repeat}`]),
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
export function jsonOfCheck(verdict: CheckVerdict, repeat: string) {
  const { seed, runs, laws, warnings, coverage: covered, found } = verdict;
  const coverage = Object.fromEntries(
    covered.map(({ kind, reached, never }) => [kind, { reached, never }]),
  );
  const base = { seed, runs, laws, warnings, coverage };
  if (found === undefined) return { isGood: true, ...base };
  const { law, breach, scenario, path, timeline } = found;
  return {
    isGood: false,
    ...base,
    ...{ law: law.name, says: breach.says, scenario, path, repeat, timeline },
  };
}
