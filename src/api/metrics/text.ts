/**
 * Metrics as text: the Prometheus exposition format 0.0.4, and OpenMetrics 1.0. Names are the same
 * in both, so that it makes no difference which of them a scraper asks for: a counter whose name
 * does not end in `_total` is of type `unknown` to OpenMetrics, which would have it renamed.
 * Deliberately unknown here: where values come from, and how the text travels.
 */
import type { Definition, HistogramSeries, Series } from './families.ts';

/** Makes the pieces of a document, family by family. */
export interface Writer {
  readonly contentType: string;
  /** What comes first. */
  begin(): string;
  family(family: Definition): FamilyWriter;
  /** What comes last. */
  end(): string;
}

/** Makes the pieces of one family; `end` comes once, also where there was no series. */
export interface FamilyWriter {
  value(series: Series): string;
  histogram(series: HistogramSeries): string;
  end(): string;
}

const TOTAL = '_total';

/** The Prometheus text format; `prefix` stands before every name. */
export const prometheusWriter = (prefix: string): Writer => ({
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  begin: () => '',
  family: (family) => {
    const name = prefix + family.name;
    const help = escapeHelp(family.help);
    return new TextFamily(name, family, `# HELP ${name} ${help}\n# TYPE ${name} ${family.type}\n`);
  },
  end: () => '',
});

/** OpenMetrics 1.0. */
export const openMetricsWriter = (prefix: string): Writer => ({
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  begin: () => '',
  family: (family) => {
    const name = prefix + family.name;
    const isTotal = family.type === 'counter' && name.endsWith(TOTAL);
    const type = family.type === 'counter' && !isTotal ? 'unknown' : family.type;
    const about = isTotal ? name.slice(0, -TOTAL.length) : name;
    const help = escapeLabel(family.help);
    return new TextFamily(name, family, `# TYPE ${about} ${type}\n# HELP ${about} ${help}\n`);
  },
  end: () => '# EOF\n',
});

/** Both formats write samples alike; the head comes with the first of them. */
class TextFamily implements FamilyWriter {
  readonly #name: string;
  readonly #labels: readonly string[];
  #head: string;

  constructor(name: string, { labels }: Definition, head: string) {
    this.#name = name;
    this.#labels = labels;
    this.#head = head;
  }

  value({ labels, value }: Series): string {
    const pairs = this.#pairs(labels);
    const braced = pairs === '' ? '' : `{${pairs}}`;
    return `${this.#takeHead()}${this.#name}${braced} ${formatNumber(value)}\n`;
  }

  histogram({ labels, histogram }: HistogramSeries): string {
    const name = this.#name;
    const pairs = this.#pairs(labels);
    const lead = pairs === '' ? '' : `${pairs},`;
    const { bounds, counts, sum } = histogram;
    let text = this.#takeHead();
    let count = 0;
    for (let at = 0; at < counts.length; at += 1) {
      count += counts[at] as number;
      const bound = formatNumber(bounds[at] ?? Number.POSITIVE_INFINITY);
      text += `${name}_bucket{${lead}le="${bound}"} ${count}\n`;
    }
    const braced = pairs === '' ? '' : `{${pairs}}`;
    return `${text}${name}_sum${braced} ${formatNumber(sum)}\n${name}_count${braced} ${count}\n`;
  }

  end(): string {
    return '';
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #pairs(values: readonly string[]): string {
    const labels = this.#labels;
    let pairs = '';
    for (let at = 0; at < labels.length; at += 1) {
      if (at > 0) pairs += ',';
      pairs += `${labels[at]}="${escapeLabel(values[at] as string)}"`;
    }
    return pairs;
  }
}

const TO_ESCAPE = /[\\"\n]/;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** A label's value between its quotes. */
export const escapeLabel = (text: string): string =>
  TO_ESCAPE.test(text) ? text.replace(/[\\"\n]/g, (char) => ESCAPED[char] as string) : text;

const escapeHelp = (text: string): string =>
  text.replace(/[\\\n]/g, (char) => ESCAPED[char] as string);

/** A number as Go and everybody else reads it. */
export function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
