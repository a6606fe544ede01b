/**
 * One HTML page that needs nothing else. The one idea: everything is in the file and the page
 * forbids itself any network, so it can be mailed and opened anywhere, in the dark or in the light.
 * Knows nothing of what it shows.
 */

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in a page. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (one) => ESCAPES[one] ?? one);

// Inside a script element only the end of it, and what opens a comment, mean anything.
/** A value as it stands in a script element. */
export const embed = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --ink: #1b1b1f; --dim: #5b5b66; --line: #d5d5de;
  --dot: #1f4fa3; }
@media (prefers-color-scheme: dark) {
  :root { --back: #17181c; --ink: #ececf1; --dim: #a3a4ae; --line: #3a3b44; --dot: #9cc0ff; }
}
body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; background: var(--back);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } p, dd { margin: .3rem 0; } caption { color: var(--dim); }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--ink); }
dl { display: grid; gap: 0 1rem; grid-template-columns: max-content auto; }
dt { font-weight: 600; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; }
td, th { border-bottom: 1px solid var(--line); padding: .25rem .5rem; vertical-align: top; }
`;

/** What a page is made of. */
export interface PageParts {
  /** Plain text. */
  readonly title: string;
  readonly style: string;
  /** What may run: where it is left out nothing may. */
  readonly hasScript?: boolean;
  /** HTML within `main`, and behind it. */
  readonly main: string;
  readonly behind?: string;
}

/** The whole page. */
export const drawPageOf = ({ title, style, hasScript, main, behind = '' }: PageParts): string => {
  const scripts = hasScript === true ? "; script-src 'unsafe-inline'" : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'${scripts}">
<title>${escapeText(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
${main}
</main>
${behind}</body>
</html>
`;
};
