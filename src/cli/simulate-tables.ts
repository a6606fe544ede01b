/**
 * The tables of a simulated day: the same rows for the terminal and for the page. The one idea: a
 * column is a title and what of a row it shows, so both agree. Knows neither terminal nor page.
 */
import type { DayReport } from '../testing/testing.ts';
import { formatSpan } from './span.ts';
import type { Cell } from './table.ts';
import { byName } from './table.ts';

/** A table to be shown. */
export interface DayTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const number = (value: number): string => value.toLocaleString('en-US');

const many = (value: number, one: string): string =>
  `${number(value)} ${one}${value === 1 ? '' : 's'}`;

type Waits = DayReport['total']['waitMs'];

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** A wait in as few characters as it may be told. */
export const shortSpan = (ms: number): string => {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  return ms < MINUTE_MS ? `${(ms / SECOND_MS).toFixed(1)} s` : formatSpan(ms);
};

const HOUR_DIGITS = 2;
const hourText = (hour: number): string => `${String(hour).padStart(HOUR_DIGITS, '0')}:00`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const waitCells = ({ p50, p99, longest }: Waits, delivered: number): Cell[] =>
  delivered === 0 ? ['', '', ''] : [shortSpan(p50), shortSpan(p99), shortSpan(longest)];

const WAITS = ['wait p50', 'p99', 'longest'] as const;

type Figures = DayReport['total'];

const mailCells = (one: Figures): Cell[] => [
  one.received,
  one.delivered,
  one.deferred,
  one.bounced,
  one.expired,
  one.queued,
  ...waitCells(one.waitMs, one.delivered),
];

const MAIL = ['received', 'delivered', 'deferred', 'bounced', 'expired', 'queued', ...WAITS];

type Route = DayReport['sites'][number];

const routeCells = (one: Route): Cell[] => [
  one.attempts,
  one.delivered,
  one.deferred,
  one.bounced,
  one.connections,
  one.busiestMinute,
  ...waitCells(one.waitMs, one.delivered),
];

const ROUTE = ['attempts', 'delivered', 'deferred', 'bounced', 'connections', 'max/min', ...WAITS];

const replyCells = (one: DayReport['replies'][number]): Cell[] => {
  const code = one.code === 0 ? '' : String(one.code);
  const said = [code, one.enhanced, one.text].filter((part) => part !== '').join(' ');
  return [one.count, one.did, said, one.isOwn ? 'ours' : 'theirs'];
};

/** All tables of a report. */
export function dayTables(report: DayReport): readonly DayTable[] {
  const { hours, total, domains, sites, sources, replies, waiting, said } = report;
  const all: DayTable[] = [
    {
      title: 'By hour',
      head: ['hour', ...MAIL],
      rows: [
        ...hours.map((one) => [hourText(one.hour), ...mailCells(one)]),
        ['in all', ...mailCells(total)],
      ],
    },
    {
      title: 'By source',
      head: ['source', 'share', ...ROUTE, 'suspended', 'for'],
      rows: [...sources]
        .sort((a, b) => byName(a.name, b.name))
        .map((one) => [
          one.name,
          percent(one.share),
          ...routeCells(one),
          one.suspensions,
          one.suspensions === 0 ? '' : shortSpan(one.suspendedMs),
        ]),
    },
    {
      title: 'By domain',
      head: ['domain', ...MAIL],
      rows: domains.map((one) => [one.name, ...mailCells(one)]),
    },
    {
      title: 'By site',
      head: ['site', ...ROUTE],
      rows: sites.map((one) => [one.name, ...routeCells(one)]),
    },
    {
      title: 'Replies that put mail off, bounced or refused it',
      head: ['count', 'did', 'reply', 'whose'],
      rows: replies.map(replyCells),
    },
    {
      title: 'Queues that still hold mail',
      head: ['queue', 'messages', 'why'],
      rows: waiting.map((one) => [one.queue, one.messages, one.why]),
    },
    {
      title: 'What the engine told its operator',
      head: ['count', 'text'],
      rows: said.map((one) => [one.count, one.text]),
    },
  ];
  return all.filter(({ rows }) => rows.length > 0);
}

/** What went in and what became of it, a sentence each. */
export function daySentences({
  reception,
  total,
  receivers,
  fit,
  seed,
  ...rest
}: DayReport): string[] {
  const { submitted, refused, discarded, unanswered } = reception;
  const ends = ['cancelled', 'purged', 'lost'] as const;
  const others = ends.filter((one) => total[one] > 0).map((one) => `${number(total[one])} ${one}`);
  const odd = Object.entries({ refused, discarded, unanswered }).filter(([, many]) => many > 0);
  const oddText = odd.map(([name, many]) => `, ${number(many)} ${name}`).join('');
  const begins = rest.beginsAt === null ? '' : ` from ${rest.beginsAt}`;
  return [
    `${rest.policy} with ${rest.traffic}, ${formatSpan(rest.forMs)}${begins}, seed ${seed}`,
    `receivers: ${receivers}`,
    ...(fit === undefined ? [] : [fitText(fit)]),
    `${many(submitted, 'message')} submitted${oddText}`,
    [
      `${many(total.received, 'recipient')} received: ${number(total.delivered)} delivered`,
      `${number(total.bounced)} bounced`,
      `${number(total.expired)} expired`,
      ...others,
      `${number(total.queued)} still queued`,
    ].join(', '),
  ];
}

const fitText = ({ attempts, from, to, error }: NonNullable<DayReport['fit']>): string => {
  const fitted = `models fitted from ${number(attempts)} attempts, ${from} to ${to}`;
  const off = (name: string, share: number | null): string[] =>
    share === null ? [] : [`${name} off by ${percent(share)}`];
  const errors = [...off('outcomes', error.outcomes), ...off('mean times', error.latency_mean)];
  return [fitted, ...(errors.length > 0 ? errors : ['too few to state an error'])].join(', ');
};
