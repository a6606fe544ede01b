/**
 * A walk as one HTML page that needs nothing else: a timeline that zooms, and the walk as a table.
 * The one idea: it is for everybody, by eye, keys or a screen reader; without its program the table
 * still tells all. Knows no log.
 */
import type { Walk, WalkStep } from './history.ts';
import { totalsOf } from './history.ts';
import { drawPageOf, embed, escapeText } from './page.ts';
import { WALK_SCRIPT } from './walk-page-script.ts';

const STYLE = `
:root { --ready: #b9e3c3; --resting: #f6dc9b; --suspended: #f2b3ab; --gone: #cfcfd6; }
@media (prefers-color-scheme: dark) {
  :root { --ready: #24573a; --resting: #6b5310; --suspended: #7d2b22; --gone: #43444d; }
}
#shown { color: var(--dim); }
#timeline { border: 1px solid var(--line); border-radius: 6px; cursor: grab; touch-action: none; }
#timeline:focus-visible, button:focus-visible { outline: 3px solid var(--dot); }
svg text.name { font-weight: 600; } line.tick { stroke: var(--line); }
rect { stroke: var(--back); } .state-ready, .state-open { fill: var(--ready); }
.state-resting { fill: var(--resting); } .state-suspended { fill: var(--suspended); }
.state-gone, .state-retired { fill: var(--gone); } .step { fill: var(--dot); cursor: pointer; }
.step.chosen { stroke: var(--ink); stroke-width: 2; } .mark { fill: var(--dim); }
button { font: inherit; padding: .2rem .7rem; }
td:first-child { white-space: nowrap; } tr.chosen { outline: 2px solid var(--dot); }
.wrong { font-weight: 700; }
`;

const timeText = (at: number): string => new Date(at).toISOString();

const rowOf = (step: WalkStep): string => {
  const when = timeText(step.at);
  const way = step.from === step.to ? step.to : `${step.from} → ${step.to}`;
  const wrong = step.isLegal ? '' : ' <span class="wrong">(the chart does not allow it)</span>';
  const until = step.until === 0 ? '' : `until ${timeText(step.until)}`;
  const cells = [
    `<time datetime="${when}">${when}</time>`,
    `${escapeText(step.event)}${wrong}`,
    escapeText(way),
    escapeText([step.cause, until].filter((text) => text !== '').join('; ')),
    String(step.position),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
};

const BUTTONS = [
  ['in', 'Zoom in', '+'],
  ['out', 'Zoom out', '−'],
  ['left', 'Earlier', '←'],
  ['right', 'Later', '→'],
  ['all', 'Show all', 'all'],
] as const;

/** Writes the page; `span` puts milliseconds into words. */
export function drawPage(walk: Walk, span: (ms: number) => string): string {
  const name = `${walk.kind} ${walk.name}`;
  const title = escapeText(name);
  const totals = [...totalsOf(walk)].map(
    ([state, ms]) => `<dt>${escapeText(state)}</dt><dd>${escapeText(span(ms))} in all</dd>`,
  );
  const buttons = BUTTONS.map(
    ([act, label, sign]) =>
      `<button type="button" data-act="${act}" aria-label="${label}">${sign}</button>`,
  );
  const cut = walk.isCut ? '<p>There were more events; these are the first.</p>' : '';
  const main = `<h1>Walk of ${title}</h1>
<p>${timeText(walk.from)} to ${timeText(walk.upto)}, ${walk.steps.length} events.
A triangle is a start, a stop, or another version of the policy.</p>${cut}
<dl>${totals.join('')}</dl>
<div id="controls" role="group" aria-label="Timeline" hidden>${buttons.join(' ')}</div>
<div id="timeline" tabindex="0" role="group"
  aria-label="Timeline; plus and minus zoom, arrows move, 0 shows all"></div>
<p id="shown" role="status"></p>
<table>
<caption>Every event, with the state it led to and why</caption>
<thead><tr><th scope="col">Time</th><th scope="col">Event</th><th scope="col">State</th>
<th scope="col">Cause</th><th scope="col">Position</th></tr></thead>
<tbody>${walk.steps.map(rowOf).join('\n')}</tbody>
</table>`;
  const behind = `<script type="application/json" id="walk">${embed(walk)}</script>
<script>${WALK_SCRIPT}</script>
`;
  return drawPageOf({ title: name, style: STYLE, hasScript: true, main, behind });
}
