/**
 * A simulated day as one HTML page: charts over the hours, and every table in full. The one idea:
 * charts are drawn here and nothing runs in the page, kinds differ by pattern as well as by colour,
 * and each number of a chart stands in a table, so no eye and no program is needed for any of it.
 * Knows no simulation.
 */
import { drawPageOf, escapeText } from '../forensics/page.ts';
import type { DayReport } from '../testing/testing.ts';
import type { Series } from './simulate-charts.ts';
import { CHART_STYLE, drawHours, drawShares, PATTERNS } from './simulate-charts.ts';
import type { DayTable } from './simulate-tables.ts';
import { daySentences, dayTables, shortSpan } from './simulate-tables.ts';
import type { Cell } from './table.ts';
import { byName } from './table.ts';

const STYLE = `${CHART_STYLE}
h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; } table { font-size: 13px; }
td.number, th.number { text-align: right; }
.short { white-space: nowrap; } .wide { overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding: .8rem 0 .2rem; }
`;

/** Up to so long a text stands on one line, however narrow the window is. */
const SHORT_CHARS_MAX = 24;

const cell = (value: Cell): string =>
  typeof value === 'number'
    ? `<td class="number short">${value.toLocaleString('en-US')}</td>`
    : `<td${value.length <= SHORT_CHARS_MAX ? ' class="short"' : ''}>${escapeText(value)}</td>`;

const drawTable = ({ title, head, rows }: DayTable): string => {
  const heads = head.map((one, column) => {
    const isNumber = typeof rows[0]?.[column] === 'number';
    return `<th scope="col"${isNumber ? ' class="number"' : ''}>${escapeText(one)}</th>`;
  });
  const lines = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<div class="wide"><table><caption>${escapeText(title)}</caption>
<thead><tr>${heads.join('')}</tr></thead><tbody>
${lines}
</tbody></table></div>`;
};

function drawCharts({ hours, sources: all, forMs }: DayReport): string[] {
  const sources = [...all].sort((a, b) => byName(a.name, b.name));
  const column = (
    name: Series['name'],
    pattern: Series['pattern'],
    of: (hour: DayReport['hours'][number]) => number,
  ): Series => ({ name, pattern, values: hours.map(of) });
  const ends = [
    column('delivered', 'plain', (one) => one.delivered),
    column('bounced', 'rising', (one) => one.bounced),
    column('expired', 'dots', (one) => one.expired),
  ];
  const suspended = sources.map(({ name, suspendedMs }) => ({
    name,
    share: suspendedMs / forMs,
    text: suspendedMs === 0 ? '' : shortSpan(suspendedMs),
  }));
  const shares = sources.map(({ name, share, delivered }) => ({
    name,
    share,
    text: delivered.toLocaleString('en-US'),
  }));
  return [
    drawHours('Recipients that came in, by hour', [
      column('received', 'plain', (one) => one.received),
    ]),
    drawHours('How recipients ended, by hour', ends),
    drawHours('Recipients queued at the end of each hour', [
      column('queued', 'falling', (one) => one.queued),
    ]),
    drawHours('Times that recipients were put off, by hour', [
      column('deferred', 'cross', (one) => one.deferred),
    ]),
    drawShares('Share of the delivered mail, by source', shares, 'plain'),
    ...(suspended.some(({ share }) => share > 0)
      ? [drawShares('Time out of rotation, by source', suspended, 'rising')]
      : []),
  ];
}

/** Writes the page. */
export function drawDayPage(report: DayReport): string {
  const sentences = daySentences(report).map((text) => `<p>${escapeText(text)}</p>`);
  const main = [
    '<h1>A simulated day</h1>',
    ...sentences,
    PATTERNS,
    ...drawCharts(report),
    '<h2>Figures</h2>',
    ...dayTables(report).map(drawTable),
  ].join('\n');
  return drawPageOf({ title: `${report.policy}: a simulated day`, style: STYLE, main });
}
