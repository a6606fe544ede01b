/**
 * Prints the files of each folder of src with the first sentence of their headers.
 * The one idea: a header is the manual page of its file, and the map is the list of the manuals.
 * Deliberately unknown here: what the files contain besides the header.
 */

/** A file as the map needs it: its path below the repository and its text. */
export interface MappedFile {
  readonly path: string;
  readonly text: string;
}

const OPENING_CHARS_MIN = 60;

/** The opening of a header on one line: its first sentence, and the next while that is short. */
export function openingOf(text: string): string {
  const header = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
  const flat = header
    .replace(/^\s*\*? ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  let opening = '';
  for (const sentence of flat.split(/(?<=[.;:])\s+(?=[A-Z`])/)) {
    if (opening.length >= OPENING_CHARS_MIN) break;
    opening += opening === '' ? sentence : ` ${sentence}`;
  }
  return opening;
}

/** A list of files for each folder, folders and files in order of their names. */
export function drawCodeMap(files: readonly MappedFile[]): string {
  const folders = new Map<string, string[]>();
  for (const { path, text } of files) {
    const cut = path.lastIndexOf('/');
    const folder = path.slice(0, cut);
    const line = `- \`${path.slice(cut + 1)}\` ${openingOf(text)}`;
    folders.set(folder, [...(folders.get(folder) ?? []), line]);
  }
  const names = [...folders.keys()].sort();
  return names.map((name) => `**${name}**\n\n${(folders.get(name) ?? []).join('\n')}`).join('\n\n');
}
