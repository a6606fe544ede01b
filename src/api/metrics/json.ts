/**
 * Metrics as one JSON object, in the reference's shape: by name, each with help, type and value; a
 * value is a number, an object by the one label, a list where there are several, or null.
 * Deliberately unknown here: where values come from, and how the text travels.
 */
import type { Definition, HistogramSeries, Series } from './families.ts';
import type { FamilyWriter, Writer } from './text.ts';

/** The JSON form of `/metrics.json`. */
export function jsonWriter(): Writer {
  let comma = '';
  return {
    contentType: 'application/json; charset=utf-8',
    begin: () => '{',
    family: (family) => {
      const { name, help, type } = family;
      const about = `"help":${JSON.stringify(help)},"type":"${type}"`;
      const head = `${comma}\n${JSON.stringify(name)}:{${about},"value":`;
      comma = ',';
      return new JsonFamily(family, head);
    },
    end: () => '\n}\n',
  };
}

class JsonFamily implements FamilyWriter {
  readonly #labels: readonly string[];
  readonly #head: string;
  #series = 0;

  constructor({ labels }: Definition, head: string) {
    this.#labels = labels;
    this.#head = head;
  }

  value({ labels, value }: Series): string {
    return this.#add(labels, numberOf(value));
  }

  histogram({ labels, histogram }: HistogramSeries): string {
    const { bounds, counts, sum } = histogram;
    let count = 0;
    const buckets = bounds.map((bound, at) => {
      count += counts[at] as number;
      return [bound, count];
    });
    count += counts[bounds.length] as number;
    const avg = count === 0 ? 0 : sum / count;
    return this.#add(labels, JSON.stringify({ count, sum, avg, bucket: buckets }));
  }

  end(): string {
    if (this.#series === 0) return `${this.#head}null}`;
    return `${this.#labels.length === 0 ? '' : this.#labels.length === 1 ? '}}' : ']'}}`;
  }

  #add(values: readonly string[], value: string): string {
    const labels = this.#labels;
    const isFirst = this.#series === 0;
    this.#series += 1;
    const lead = isFirst ? this.#head : ',';
    if (labels.length === 0) return lead + value;
    if (labels.length === 1) {
      const open = isFirst ? `{${JSON.stringify(labels[0])}:{` : '';
      return `${lead}${open}${JSON.stringify(values[0])}:${value}`;
    }
    let text = `${lead}${isFirst ? '[' : ''}{`;
    for (let at = 0; at < labels.length; at += 1) {
      text += `${JSON.stringify(labels[at])}:${JSON.stringify(values[at])},`;
    }
    return `${text}"@":${value}}`;
  }
}

/** JSON has neither infinities nor NaN. */
const numberOf = (value: number): string => (Number.isFinite(value) ? String(value) : 'null');
