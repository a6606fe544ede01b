/**
 * Prints what a policy may say: the handlers with their sentences, and each table of options with
 * kind, default and meaning. The one idea: the rows that read an option also describe it.
 * Deliberately unknown here: when a handler is asked.
 */

/** What is read of a row of an option table. */
export interface OptionEntry {
  readonly kind: { readonly name: string };
  readonly presence: string;
  readonly standard?: unknown;
  readonly says: string;
  readonly inert?: string;
}

/** A table of options as the documents need it. */
export type OptionEntries = Readonly<Record<string, OptionEntry>>;

const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();

const standardOf = ({ presence, standard }: OptionEntry): string => {
  if (presence === 'required') return '*must be given*';
  if (presence === 'optional' || standard === undefined) return '–';
  return `\`${cell(JSON.stringify(standard))}\``;
};

/** One table of options. */
export function drawOptions(table: OptionEntries): string {
  const rows = Object.entries(table).map(([name, row]) => {
    const says = row.inert === undefined ? row.says : `accepted, changes nothing: ${row.says}`;
    return `| \`${name}\` | ${cell(row.kind.name)} | ${standardOf(row)} | ${cell(says)} |`;
  });
  return ['| Option | Kind | Default | Means |', '|---|---|---|---|', ...rows].join('\n');
}

/** The handlers, in the order of their declaration. */
export function drawHandlers(handlers: Readonly<Record<string, string>>): string {
  const rows = Object.entries(handlers).map(([name, says]) => `| \`${name}\` | ${cell(says)} |`);
  return ['| Handler | Does |', '|---|---|', ...rows].join('\n');
}
