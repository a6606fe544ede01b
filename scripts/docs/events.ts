/**
 * Prints the catalogue of events as a table: type, version, what it says, its fields.
 * The one idea: the definitions are the only list, so the page is a print of them.
 * Deliberately unknown here: what an event changes.
 */

/** What is read of a definition. */
export interface EventEntry {
  readonly type: string;
  readonly version: number;
  readonly says: string;
  readonly shape: Readonly<Record<string, unknown>>;
}

/** The table of all events, in the order of the catalogue. */
export function drawEvents(catalogue: readonly EventEntry[]): string {
  const rows = catalogue.map(({ type, version, says, shape }) => {
    const fields = Object.entries(shape).map(([name, kind]) => `\`${name}\` ${kindOf(kind)}`);
    return `| \`${type}\` | ${version} | ${cell(says)} | ${cell(fields.join(', '))} |`;
  });
  return ['| Event | Version | Says | Fields |', '|---|---|---|---|', ...rows].join('\n');
}

function kindOf(kind: unknown): string {
  if (typeof kind === 'string') return kind;
  if (Array.isArray(kind)) return `[${kind.map(kindOf).join(', ')}]`;
  if (typeof kind !== 'object' || kind === null) return String(kind);
  const inner = Object.entries(kind).map(([name, inside]) => `${name}: ${kindOf(inside)}`);
  return `{${inner.join(', ')}}`;
}

function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
}
