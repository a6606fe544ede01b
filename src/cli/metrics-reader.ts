/**
 * Reads metrics in the Prometheus text format while they come: sample by sample, keeping none, so
 * that the length of an answer costs time and no memory. Knows no metric.
 */
import type { DaemonClient, Query } from './client.ts';

/** Takes a sample; `label` is the value of a label, undefined where there is none of that name. */
export type TakeSample = (name: string, label: Label, value: number) => void;
/** Looks a label up. */
export type Label = (name: string) => string | undefined;

/** No line of a daemon is as long: what is longer is something else. */
const LINE_CHARS_MAX = 1_048_576;

/** Reads what a daemon says about these metrics. */
export async function readMetrics(
  client: DaemonClient,
  query: Query,
  take: TakeSample,
): Promise<void> {
  const reader = new SampleReader(take);
  for await (const piece of client.stream('/metrics', query)) reader.feed(piece);
  reader.end();
}

/** Cuts a text that comes in pieces into samples. */
export class SampleReader {
  readonly #take: TakeSample;
  #rest = '';

  constructor(take: TakeSample) {
    this.#take = take;
  }

  /** Takes the next piece. */
  feed(piece: string): void {
    const text = this.#rest + piece;
    let from = 0;
    for (;;) {
      const end = text.indexOf('\n', from);
      if (end < 0) break;
      this.#line(text.slice(from, end));
      from = end + 1;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length > LINE_CHARS_MAX) throw new Error('the answer is no list of metrics');
  }

  /** There is no more; a last line may have no end. */
  end(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
  }

  #line(line: string): void {
    if (line === '' || line.startsWith('#')) return;
    const end = line.search(/[{ ]/);
    const name = end < 0 ? line : line.slice(0, end);
    const labels = line[end] === '{' ? readLabels(line, end + 1) : { values: NONE, end };
    const value = readValue(line.slice(labels.end).trim());
    if (end <= 0 || value === undefined) {
      throw new Error(`the answer has a line that is no metric: ${line.slice(0, 80)}`);
    }
    this.#take(name, (label) => labels.values.get(label), value);
  }
}

const NONE: ReadonlyMap<string, string> = new Map();
const LABEL = /\s*,?\s*([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"/y;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n' };

function readLabels(line: string, from: number): { values: Map<string, string>; end: number } {
  const values = new Map<string, string>();
  let at = from;
  for (;;) {
    LABEL.lastIndex = at;
    const found = LABEL.exec(line);
    if (found === null) break;
    const [, name = '', written = ''] = found;
    const text = written.includes('\\')
      ? written.replace(/\\(.)/g, (_, mark: string) => ESCAPED[mark] ?? mark)
      : written;
    values.set(name, text);
    at = LABEL.lastIndex;
  }
  const end = line.indexOf('}', at);
  return { values, end: end < 0 ? line.length : end + 1 };
}

function readValue(text: string): number | undefined {
  const [word = ''] = text.split(' ');
  if (word === '+Inf') return Number.POSITIVE_INFINITY;
  if (word === '-Inf') return Number.NEGATIVE_INFINITY;
  if (word === 'NaN') return Number.NaN;
  const value = Number(word);
  return word === '' || Number.isNaN(value) ? undefined : value;
}
