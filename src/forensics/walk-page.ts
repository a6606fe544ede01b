/**
 * A walk as one HTML page that needs nothing else: a timeline that zooms, and the walk as a table.
 * The one idea: everything is in the file and the page forbids itself any network, so it can be
 * mailed and opened anywhere, in the dark or in the light, by eye, keys or a screen reader.
 * Knows no log.
 */
import type { Walk, WalkStep } from './history.ts';
import { totalsOf } from './history.ts';
import { WALK_SCRIPT } from './walk-page-script.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeText = (text: string): string => text.replace(/[&<>"']/g, (one) => ESCAPES[one] ?? one);

// Inside a script element only the end of it, and what opens a comment, mean anything.
const embed = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --ink: #1b1b1f; --dim: #5b5b66; --line: #d5d5de;
  --ready: #b9e3c3; --resting: #f6dc9b; --suspended: #f2b3ab; --gone: #cfcfd6; --dot: #1f4fa3; }
@media (prefers-color-scheme: dark) {
  :root { --back: #17181c; --ink: #ececf1; --dim: #a3a4ae; --line: #3a3b44; --ready: #24573a;
    --resting: #6b5310; --suspended: #7d2b22; --gone: #43444d; --dot: #9cc0ff; }
}
body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; background: var(--back);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } p, dd { margin: .3rem 0; } #shown, caption { color: var(--dim); }
#timeline { border: 1px solid var(--line); border-radius: 6px; cursor: grab; touch-action: none; }
#timeline:focus-visible, button:focus-visible { outline: 3px solid var(--dot); }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--ink); }
svg text.name { font-weight: 600; } line.tick { stroke: var(--line); }
rect { stroke: var(--back); } .state-ready, .state-open { fill: var(--ready); }
.state-resting { fill: var(--resting); } .state-suspended { fill: var(--suspended); }
.state-gone, .state-retired { fill: var(--gone); } .step { fill: var(--dot); cursor: pointer; }
.step.chosen { stroke: var(--ink); stroke-width: 2; } .mark { fill: var(--dim); }
button { font: inherit; padding: .2rem .7rem; } dl { display: grid; gap: 0 1rem;
  grid-template-columns: max-content auto; } dt { font-weight: 600; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; }
td, th { border-bottom: 1px solid var(--line); padding: .25rem .5rem; vertical-align: top; }
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
  const title = escapeText(`${walk.kind} ${walk.name}`);
  const totals = [...totalsOf(walk)].map(
    ([state, ms]) => `<dt>${escapeText(state)}</dt><dd>${escapeText(span(ms))} in all</dd>`,
  );
  const buttons = BUTTONS.map(
    ([act, label, sign]) =>
      `<button type="button" data-act="${act}" aria-label="${label}">${sign}</button>`,
  );
  const cut = walk.isCut ? '<p>There were more events; these are the first.</p>' : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Walk of ${title}</h1>
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
</table>
</main>
<script type="application/json" id="walk">${embed(walk)}</script>
<script>${WALK_SCRIPT}</script>
</body>
</html>
`;
}
