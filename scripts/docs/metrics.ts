/**
 * Prints the metrics: what each is called, of what type, with which labels, and what it means; and
 * those of the reference that are not here. The one idea: what is scraped is also what is
 * described. Deliberately unknown here: how values are read.
 */
import { ABSENT, CATALOGUE } from '../../src/api/metrics/catalogue.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** All metrics, by name. */
export function drawMetrics(): string {
  const rows = [...CATALOGUE]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, per, help }) => {
      const shown = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${shown || '–'} | ${per ?? '–'} | ${cell(help)} |`;
    });
  const head = '| Metric | Type | Labels | Grows with | Means |';
  return [head, '|---|---|---|---|---|', ...rows].join('\n');
}

/** What the reference has and this has not. */
export function drawAbsent(): string {
  const rows = ABSENT.map(({ names, why }) => {
    return `| ${names.map((name) => `\`${name}\``).join(', ')} | ${cell(why)} |`;
  });
  return ['| Metric of the reference | Why it is not here |', '|---|---|', ...rows].join('\n');
}
