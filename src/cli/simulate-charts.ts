/**
 * Charts as SVG: columns over hours, one above the other, and bars of shares. The one idea: a kind
 * has a pattern, not only a colour, and a title that says its number, so a chart can be printed in
 * black and read aloud. Knows no report.
 */
import { escapeText } from '../forensics/page.ts';

/** What tells one kind from another. */
export type Pattern = 'plain' | 'rising' | 'falling' | 'dots' | 'cross';

/** A kind, and its number for each hour. */
export interface Series {
  readonly name: string;
  readonly pattern: Pattern;
  readonly values: readonly number[];
}

/** A bar. */
export interface Share {
  readonly name: string;
  /** 0 to 1. */
  readonly share: number;
  readonly text: string;
}

const WIDTH = 960;
const HEIGHT = 180;
const LEFT = 70;
const TOP = 12;
const BOTTOM = 24;
const TICKS_MAX = 12;
const ROW = 20;
const NAME_WIDTH = 180;
const NAME_CHARS_MAX = 28;
const BARS_MAX = 100;
const LINES = 4;

/** How charts look. */
export const CHART_STYLE = `
:root { --bar: #3566b8; } @media (prefers-color-scheme: dark) { :root { --bar: #7fa8ee; } }
figure { margin: 1rem 0; } figcaption { font-weight: 600; }
.axis { stroke: var(--line); } .mark { fill: none; stroke: var(--bar); stroke-width: 2; }
.dot { fill: var(--bar); } .plain { fill: var(--bar); } .frame { stroke: var(--bar); }
svg text.end { text-anchor: end; } svg text.middle { text-anchor: middle; }
.legend svg { display: inline; width: 1.2rem; height: .9rem; } .legend span { margin-right: 1rem; }
`;

type Attributes = Readonly<Record<string, string | number>>;

/** Numbers stand with one digit; more is no point on any screen. */
const tag = (name: string, attributes: Attributes, inner = ''): string => {
  const told = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 10) / 10) : value;
    return ` ${key}="${escapeText(text)}"`;
  });
  return `<${name}${told.join('')}>${inner}</${name}>`;
};

const FILLS: Readonly<Record<Exclude<Pattern, 'plain'>, string>> = {
  rising: '<path class="mark" d="M-2 8 L8 -2 M6 10 L10 6 M-2 2 L2 -2"/>',
  falling: '<path class="mark" d="M-2 0 L8 10 M-2 8 L2 12 M6 -2 L10 2"/>',
  dots: '<circle class="dot" cx="4" cy="4" r="2"/>',
  cross: '<path class="mark" d="M0 4 H8 M4 0 V8"/>',
};

const drawPattern = ([id, marks]: readonly [string, string]): string =>
  tag('pattern', { id, width: 8, height: 8, patternUnits: 'userSpaceOnUse' }, marks);

/** The patterns that charts refer to; stands in a page once. */
export const PATTERNS = tag(
  'svg',
  { width: 0, height: 0, 'aria-hidden': 'true', style: 'height:0' },
  tag('defs', {}, Object.entries(FILLS).map(drawPattern).join('')),
);

const fillOf = (pattern: Pattern): Attributes =>
  pattern === 'plain' ? { class: 'plain frame' } : { class: 'frame', fill: `url(#${pattern})` };

const numberText = (value: number): string => value.toLocaleString('en-US');

/** The next round number, so that lines stand at numbers people read. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const step = [1, 2, 4, 5, 10].find((one) => one * power >= value) ?? 10;
  return Math.max(LINES, step * power);
}

const drawFigure = (title: string, [height, where]: readonly [number, string], inner: string) => {
  const label = `${title}; the table ${where} has the numbers`;
  return tag('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': label }, inner);
};

const figure = (title: string, inner: string): string =>
  tag('figure', {}, tag('figcaption', {}, escapeText(title)) + inner);

const legendOf = (series: readonly Series[]): string => {
  if (series.length < 2) return '';
  const parts = series.map(({ name, pattern }) => {
    const sample = tag('rect', { width: 16, height: 12, ...fillOf(pattern) });
    const box = tag('svg', { viewBox: '0 0 16 12', 'aria-hidden': 'true' }, sample);
    return tag('span', {}, `${box} ${escapeText(name)}`);
  });
  return tag('div', { class: 'legend' }, parts.join(''));
};

const heightOf = (value: number, most: number): number =>
  TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);

const drawLines = (most: number): string =>
  Array.from({ length: LINES + 1 }, (_, line) => {
    const value = (most * line) / LINES;
    const y = heightOf(value, most);
    const rule = tag('line', { class: 'axis', x1: LEFT, x2: WIDTH, y1: y, y2: y });
    return rule + tag('text', { class: 'end', x: LEFT - 6, y: y + 4 }, numberText(value));
  }).join('');

/** The kinds of one hour, one above the other. */
const drawColumn = (
  series: readonly Series[],
  hour: number,
  [x, width, most]: readonly [number, number, number],
): string => {
  let below = 0;
  const parts = series.map(({ name, pattern, values }) => {
    const value = values[hour] ?? 0;
    if (value === 0) return '';
    const [low, y] = [heightOf(below, most), heightOf(below + value, most)];
    below += value;
    const said = tag('title', {}, escapeText(`hour ${hour}: ${numberText(value)} ${name}`));
    return tag('rect', { x, y, width, height: low - y, ...fillOf(pattern) }, said);
  });
  return parts.join('');
};

/** Columns over hours; kinds stand one above the other. */
export function drawHours(title: string, series: readonly Series[]): string {
  const count = Math.max(1, ...series.map(({ values }) => values.length));
  const hours = Array.from({ length: count }, (_, hour) => hour);
  const sums = hours.map((hour) =>
    series.reduce((sum, { values }) => sum + (values[hour] ?? 0), 0),
  );
  const most = roundUp(Math.max(...sums));
  const step = (WIDTH - LEFT) / count;
  const every = Math.ceil(count / TICKS_MAX);
  const ticks = hours
    .filter((hour) => hour % every === 0)
    .map((hour) => {
      const place = { class: 'middle', x: LEFT + step * (hour + 0.5), y: HEIGHT - 6 };
      return tag('text', place, `${hour} h`);
    });
  const columns = hours.map((hour) =>
    drawColumn(series, hour, [LEFT + step * (hour + 0.1), step * 0.8, most]),
  );
  const all = [drawLines(most), ...ticks, ...columns].join('');
  return figure(title, legendOf(series) + drawFigure(title, [HEIGHT, 'By hour'], all));
}

/** A bar for each name. */
export function drawShares(title: string, shares: readonly Share[], pattern: Pattern): string {
  const shown = shares.slice(0, BARS_MAX);
  const most = Math.max(...shown.map(({ share }) => share), Number.MIN_VALUE);
  const room = WIDTH - NAME_WIDTH - 2 * LEFT;
  const rows = shown.map(({ name, share, text }, row) => {
    const y = row * ROW;
    const width = (share / most) * room;
    const said = `${(share * 100).toFixed(1)} %${text === '' ? '' : `, ${text}`}`;
    const short = escapeText(name.slice(0, NAME_CHARS_MAX));
    const bar = { x: NAME_WIDTH, y: y + 3, width, height: ROW - 6, ...fillOf(pattern) };
    return [
      tag('text', { class: 'end', x: NAME_WIDTH - 8, y: y + 14 }, short),
      tag('rect', bar),
      tag('text', { x: NAME_WIDTH + width + 6, y: y + 14 }, escapeText(said)),
    ].join('');
  });
  const more = shares.length - shown.length;
  const note = more > 0 ? `<p>and ${more} more, see the table</p>` : '';
  const height = Math.max(1, shown.length) * ROW;
  return figure(title, drawFigure(title, [height, 'By source'], rows.join('')) + note);
}
