/**
 * Draws what `waybill top` knows as lines that fit a screen. Pure: the same model, view and size
 * give the same lines. Text from elsewhere is made harmless and cut to its column.
 */
import { formatSpan } from './span.ts';
import { count, harmless, styled } from './terminal.ts';
import { sparkline } from './top-history.ts';
import type { Provider, QueueLine, SeriesKind, TopModel } from './top-model.ts';
import { SERIES } from './top-model.ts';
import type { View } from './top-view.ts';
import { fits, TABS, ZOOMS } from './top-view.ts';

/** The moment and the place a screen is drawn for. */
export interface Frame {
  readonly columns: number;
  readonly rows: number;
  /** The daemon's address. */
  readonly name: string;
  /** Wall time, ms since 1970. */
  readonly at: number;
  /** The clock of the model, ms. */
  readonly steadyMs: number;
  /** Time between two sums, ms. */
  readonly tickMs: number;
  readonly isColourful: boolean;
}

/** A number for people: whole, or with one decimal below a hundred; `-` where it is not known. */
export const formatNumber = (value: number): string => {
  if (Number.isNaN(value)) return '-';
  return Number.isInteger(value) || value >= 100 ? count(Math.round(value)) : value.toFixed(1);
};

const MIB = 2 ** 20;

const formatValue = (kind: SeriesKind['kind'], value: number): string =>
  kind === 'bytes' && !Number.isNaN(value)
    ? `${(value / MIB).toFixed(1)} MiB`
    : formatNumber(value);

/** Text in exactly so many columns. */
const fit = (text: string, width: number): string => {
  const plain = harmless(text);
  return plain.length > width
    ? `${plain.slice(0, Math.max(0, width - 1))}…`.slice(0, width)
    : plain.padEnd(width);
};

/** The whole screen. */
export const drawTop = (model: TopModel, view: View, frame: Frame): string[] => {
  const paint = (style: Parameters<typeof styled>[0], text: string): string =>
    frame.isColourful ? styled(style, text) : text;
  const faults = model.faults(frame.steadyMs).map((text) => paint('red', fit(text, frame.columns)));
  const head = drawHead(model, view, frame, paint);
  const foot = [paint('dim', fit(footOf(view), frame.columns)), ...faults];
  const room = Math.max(0, frame.rows - head.length - foot.length);
  const [titles, rows] = drawTab(model, view, frame);
  const space = Math.max(0, room - titles.length);
  const from = Math.min(view.scroll, Math.max(0, rows.length - space));
  const body = [
    ...titles.map((title) => paint('bold', fit(title, frame.columns))),
    ...rows.slice(from, from + space).map((row) => fit(row, frame.columns).trimEnd()),
  ].slice(0, room);
  const blank = Array.from({ length: room - body.length }, () => '');
  return [...head, ...body, ...blank, ...foot].slice(0, frame.rows);
};

type Paint = (style: Parameters<typeof styled>[0], text: string) => string;

const drawHead = (model: TopModel, view: View, frame: Frame, paint: Paint): string[] => {
  const { sums, oldest } = model;
  const sum = (name: string): string => formatNumber(sums.get(name) ?? Number.NaN);
  const names = TABS.map((tab) => ` ${tab} `);
  const tabs = names.map((name, at) => (TABS[at] === view.tab ? paint('inverse', name) : name));
  const isWide = names.join('').length <= frame.columns;
  const time = new Date(frame.at).toISOString().slice(11, 19);
  const policy = `policy ${sum('policy_version')}, epoch ${sum('config_epoch')}`;
  const age = ageOf(oldest, frame.at);
  const first = `waybill top  ${frame.name}  ${time}Z  ${policy}`;
  const second =
    `messages ${formatNumber(model.now('messages'))}  queues ${sum('scheduled_queue_count')}  ` +
    `ready queues ${sum('waybill_ready_queue_count')}  oldest ${age}`;
  return [
    fit(first, frame.columns).trimEnd(),
    fit(second, frame.columns).trimEnd(),
    isWide ? tabs.join('') : fit(names.join(''), frame.columns),
    '',
  ];
};

/** The age of the message that is longest in its queue, now. */
export const ageOf = (oldest: QueueLine | undefined, at: number): string => {
  if (oldest?.oldest == null) return '-';
  const ageMs = Math.max(0, at - Date.parse(oldest.oldest));
  return `${formatSpan(ageMs)} in ${oldest.queue_name}`;
};

const footOf = ({ tab, filter, isFiltering, sort }: View): string => {
  if (isFiltering) return `filter: ${filter}_  (Enter keeps it, Esc clears it)`;
  const kept = filter === '' ? '' : `  filter: ${filter}`;
  const order = tab === 'Queues' ? `  s sort (${sort})` : '';
  const zoom = tab === 'Help' || tab === 'Queues' ? '' : '  +/- zoom';
  return `q quit  Tab next  arrows scroll${zoom}${order}  f filter  ? help${kept}`;
};

const drawTab = (model: TopModel, view: View, frame: Frame): [string[], string[]] => {
  if (view.tab === 'Overview') return drawSeries(model, view, frame);
  if (view.tab === 'Providers') return drawProviders(model, view, frame);
  if (view.tab === 'Queues') return drawQueues(model, view, frame);
  return [[], HELP];
};

const SERIES_WIDTH = 28;

const drawSeries = (model: TopModel, view: View, frame: Frame): [string[], string[]] => {
  const zoom = ZOOMS[view.zoom] ?? 1;
  const width = Math.max(1, frame.columns - SERIES_WIDTH);
  const span = formatSpan(width * zoom * frame.tickMs);
  const rows = SERIES.filter(({ title }) => fits(title, view.filter)).map(
    ({ key, title, kind }) => {
      const history = model.series.get(key);
      const value = formatValue(kind, history?.last ?? Number.NaN);
      const line = history === undefined ? '' : sparkline(history.columns(width, zoom));
      return `${title.padEnd(13)}${value.padStart(13)}  ${line}`;
    },
  );
  return [[`${''.padEnd(SERIES_WIDTH)}the last ${span}`], rows];
};

const sinceText = (atMs: number | undefined, frame: Frame): string => {
  if (atMs === undefined) return 'asking …';
  const ageMs = frame.steadyMs - atMs;
  return ageMs < 2 * frame.tickMs ? '' : `as of ${formatSpan(Math.round(ageMs / 1000) * 1000)} ago`;
};

/** Columns of the providers; on a narrow screen those of high rank stay. */
const PROVIDER_COLUMNS = [
  { head: 'D/s', width: 9, rank: 2 },
  { head: 'T/s', width: 9, rank: 4 },
  { head: 'P/s', width: 9, rank: 5 },
  { head: 'D', width: 11, rank: 8 },
  { head: 'T', width: 11, rank: 7 },
  { head: 'P', width: 9, rank: 9 },
  { head: 'C', width: 6, rank: 6 },
  { head: 'WAITING', width: 11, rank: 1 },
  { head: 'OLDEST', width: 11, rank: 3 },
] as const;
const NAME_WIDTH_MIN = 16;
const NAME_WIDTH_MAX = 40;

/** Whether each column has room, and how wide the name may be. */
const shareColumns = (columns: number): { isShown: boolean[]; nameWidth: number } => {
  let left = columns - NAME_WIDTH_MIN;
  const shown = new Set<string>();
  for (const { head, width } of [...PROVIDER_COLUMNS].sort((a, b) => a.rank - b.rank)) {
    if (width > left) break;
    left -= width;
    shown.add(head);
  }
  const nameWidth = Math.max(1, Math.min(NAME_WIDTH_MAX, NAME_WIDTH_MIN + left));
  return { isShown: PROVIDER_COLUMNS.map(({ head }) => shown.has(head)), nameWidth };
};

const drawProviders = (model: TopModel, view: View, frame: Frame): [string[], string[]] => {
  const { isShown, nameWidth } = shareColumns(frame.columns);
  const columns = (texts: readonly string[]): string =>
    PROVIDER_COLUMNS.map(({ width }, at) =>
      isShown[at] === true ? (texts[at] ?? '').padStart(width) : '',
    ).join('');
  const title = `${fit('PROVIDER', nameWidth)}${columns(PROVIDER_COLUMNS.map(({ head }) => head))}`;
  const lineWidth = Math.max(0, frame.columns - title.length - 2);
  const zoom = ZOOMS[view.zoom] ?? 1;
  const rows = [...model.providers]
    .filter(({ name }) => fits(name, view.filter))
    .sort((a, b) => volumeOf(b) - volumeOf(a) || (a.name < b.name ? -1 : 1))
    .map((one) => {
      const { delivered, transient, permanent, connections } = one.counts;
      const rates = [one.now.delivered, one.now.transient, one.now.permanent];
      const queued = one.queued ?? Number.NaN;
      const numbers = [...rates, delivered, transient, permanent, connections, queued];
      const line = sparkline(one.history.columns(lineWidth, zoom));
      const texts = [...numbers.map(formatNumber), agedOf(one, frame)];
      return `${fit(one.name, nameWidth)}${columns(texts)}  ${line}`.trimEnd();
    });
  return [[`${title}  ${sinceText(model.providersAtMs, frame)}`.trimEnd()], rows];
};

/** To the second: it grows until it is told anew. */
const agedOf = ({ oldest }: Provider, { steadyMs }: Frame): string =>
  oldest === undefined
    ? '-'
    : formatSpan(Math.floor((oldest.ageMs + Math.max(0, steadyMs - oldest.atMs)) / 1_000) * 1_000);

const volumeOf = ({ counts, queued = 0 }: Provider): number =>
  counts.delivered + counts.transient + counts.permanent + queued;

const drawQueues = (model: TopModel, view: View, frame: Frame): [string[], string[]] => {
  const nameWidth = Math.max(16, Math.min(48, frame.columns - 60));
  const columns = (name: string, messages: string, age: string, state: string): string =>
    `${fit(name, nameWidth)}${messages.padStart(11)}  ${fit(age, 11)}${fit(state, 10)}`;
  const rows = model.queues
    .filter(({ queue_name }) => fits(queue_name, view.filter))
    .map((one) => {
      const age = one.oldest === null ? '-' : formatSpan(frame.at - Date.parse(one.oldest));
      const error = one.last_error;
      const said = error === null ? (one.cause ?? '') : error.text;
      return columns(one.queue_name, formatNumber(one.messages), age, one.state) + said;
    });
  const title = columns('QUEUE', 'MESSAGES', 'OLDEST', 'STATE');
  return [[`${title}LAST ERROR  ${sinceText(model.queuesAtMs, frame)}`], rows];
};

const HELP = [
  'Overview   sums of the whole daemon, asked for at every tick; rates per second.',
  'Providers  D delivered, T put off, P refused (recipients), C connections,',
  '           WAITING messages, and how long the OLDEST of them is here; a narrow',
  '           screen shows some of these only.',
  'Queues     the first by depth, by age of the oldest message, or by their last',
  '           failure.',
  '',
  'What the daemon must look through its queues for (providers, queues, oldest)',
  'is asked for so seldom that waiting for it stays a hundredth of the time:',
  '"as of" says how old it is. A provider or queue that is not among the 200',
  'greatest of a number has - there.',
  '',
  'Tab, Shift-Tab, left, right      another tab',
  'up, down, PgUp, PgDn, Home, End  scroll',
  '+ -     shorter and longer time in the lines',
  's       sort queues by depth, age or error',
  'f or /  filter names: the letters in their order; Enter keeps it, Esc clears it',
  'q, Esc, Ctrl-C   quit',
];
