/**
 * Metrics as tests read them: a scrape collected to one text, and a strict parser for what it says.
 * The parser knows the Prometheus text format and OpenMetrics 1.0 and throws at whatever neither
 * allows: a sample before its TYPE, a family twice, a series twice, a bad escape, a missing end.
 */
import { text } from 'node:stream/consumers';
import type { Writer } from '../../src/api/metrics/text.ts';
import { prometheusWriter } from '../../src/api/metrics/text.ts';
import type { Choice, Metrics } from '../../src/api/metrics.ts';

/** A whole scrape. */
export async function readPage(
  metrics: Metrics,
  choice: Partial<Choice> = {},
  writer: Writer = prometheusWriter(''),
): Promise<string> {
  const stream = metrics.open(writer, { names: [], top: undefined, ...choice });
  if (stream === undefined) throw new Error('too many scrapes');
  return await text(stream);
}

/** One sample as it was written. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A family as it was written. */
export interface ParsedFamily {
  readonly type: string;
  readonly help: string | undefined;
  readonly samples: ParsedSample[];
}

const NAME = /^[A-Za-z_:][A-Za-z0-9_:]*/;
const LABEL = /^[A-Za-z_][A-Za-z0-9_]*/;
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const TEXT_TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const OPEN_TYPES = ['counter', 'gauge', 'histogram', 'summary', 'unknown', 'info', 'stateset'];
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
};

/** Reads a page strictly. */
export function parseMetrics(page: string, kind: 'text' | 'open'): Map<string, ParsedFamily> {
  if (page !== '' && !page.endsWith('\n')) throw new Error('the last line does not end');
  const lines = page.split('\n').slice(0, -1);
  if (kind === 'open' && lines.pop() !== '# EOF') throw new Error('no # EOF at the end');
  const parser = new Parser(kind);
  for (const line of lines) parser.line(line);
  for (const [name, family] of parser.families) {
    if (family.type === 'histogram') checkHistogram(name, family);
  }
  return parser.families;
}

class Parser {
  readonly families = new Map<string, ParsedFamily>();
  readonly #kind: 'text' | 'open';
  readonly #seen = new Set<string>();
  #now: { name: string; type?: string; help?: string } | undefined;

  constructor(kind: 'text' | 'open') {
    this.#kind = kind;
  }

  line(line: string): void {
    const about = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line);
    if (about !== null) {
      const [, what, name, rest] = about as unknown as [string, string, string, string];
      this.#describe(what === 'HELP' ? 'help' : 'type', name, rest);
    } else if (line.startsWith('#') || line === '') throw new Error(`what is this: ${line}`);
    else this.#sample(line);
  }

  #describe(what: 'help' | 'type', name: string, rest: string): void {
    if (NAME.exec(name)?.[0] !== name) throw new Error(`no name: ${name}`);
    if (this.#now?.name !== name) {
      if (this.families.has(name)) throw new Error(`family ${name} comes twice`);
      this.#now = { name };
    }
    if (this.#now[what] !== undefined) throw new Error(`${what} of ${name} comes twice`);
    if (what === 'type') {
      const types = this.#kind === 'text' ? TEXT_TYPES : OPEN_TYPES;
      if (!types.includes(rest)) throw new Error(`${rest} is no type`);
    }
    this.#now[what] = what === 'help' ? readEscapes(rest, this.#kind === 'open') : rest;
  }

  #sample(line: string): void {
    const name = NAME.exec(line)?.[0] ?? '';
    const { labels, rest } = readLabels(line.slice(name.length));
    const [, number = ''] = /^ (\S+)$/.exec(rest) ?? [];
    if (!NUMBER.test(number)) throw new Error(`no value: ${line}`);
    const now = this.#now;
    if (now?.type === undefined) throw new Error(`a sample before its TYPE: ${line}`);
    const isCounter = this.#kind === 'open' && now.type === 'counter';
    const suffixes = isCounter ? ['_total'] : (SUFFIXES[now.type] ?? ['']);
    if (!suffixes.some((suffix) => now.name + suffix === name)) {
      throw new Error(`${name} is no sample of ${now.name}`);
    }
    const key = JSON.stringify([name, Object.entries(labels).sort()]);
    if (this.#seen.has(key)) throw new Error(`a series comes twice: ${line}`);
    this.#seen.add(key);
    const known = this.families.get(now.name);
    const family = known ?? { type: now.type, help: now.help, samples: [] };
    this.families.set(now.name, family);
    const value = number.endsWith('Inf') ? Number(`${number}inity`) : Number(number);
    family.samples.push({ name, labels, value });
  }
}

function readLabels(text: string): { labels: Record<string, string>; rest: string } {
  const labels: Record<string, string> = Object.create(null);
  if (!text.startsWith('{')) return { labels, rest: text };
  let at = 1;
  for (;;) {
    const name = LABEL.exec(text.slice(at))?.[0];
    if (name === undefined || name in labels) throw new Error(`no label: ${text}`);
    at += name.length;
    const quoted = /^="((?:[^"\\]|\\.)*)"/s.exec(text.slice(at));
    if (quoted === null) throw new Error(`no value of ${name}: ${text}`);
    labels[name] = readEscapes(quoted[1] as string, true);
    at += quoted[0].length;
    const next = text[at];
    at += 1;
    if (next === '}') return { labels, rest: text.slice(at) };
    if (next !== ',') throw new Error(`what follows ${name}: ${text}`);
  }
}

function readEscapes(text: string, hasQuotes: boolean): string {
  return text.replace(/\\(.?)/gs, (whole, char: string) => {
    if (char === 'n') return '\n';
    if (char === '\\' || (hasQuotes && char === '"')) return char;
    throw new Error(`no escape: ${whole}`);
  });
}

function checkHistogram(name: string, { samples }: ParsedFamily): void {
  let before = 0;
  for (const { name: sample, labels, value } of samples) {
    if (!sample.endsWith('_bucket')) continue;
    if (value < before) throw new Error(`${name} does not add up at ${labels['le']}`);
    before = labels['le'] === '+Inf' ? 0 : value;
  }
  const last = samples.filter((sample) => sample.name.endsWith('_bucket')).at(-1);
  const count = samples.find((sample) => sample.name.endsWith('_count'));
  if (last?.labels['le'] !== '+Inf') throw new Error(`${name} has no last bucket`);
  if (samples.length > 0 && count === undefined) throw new Error(`${name} has no count`);
}
