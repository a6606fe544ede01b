/**
 * The header of a message as fields over its own bytes: what is not touched leaves as it came, odd
 * folding and 8-bit bytes included. The idea: a field is the latin1 text of its lines, and all
 * fields one after the other are the header. It does not know what fields mean, nor any body.
 */

/** A message cut behind its header. */
export interface Cut {
  /** Latin1 text of the header with the line ends of its lines. */
  readonly header: string;
  /** The empty line and all that follows; empty where there is none. */
  readonly rest: Buffer;
}

const CR = 0x0d;
const LF = 0x0a;

/** Cuts a message behind its header; where there is no empty line, all of it is header. */
export function cutMessage(bytes: Buffer): Cut {
  let from = 0;
  while (from < bytes.length) {
    const isEmpty = bytes[from] === LF || (bytes[from] === CR && bytes[from + 1] === LF);
    if (isEmpty) break;
    const lf = bytes.indexOf(LF, from);
    from = lf < 0 ? bytes.length : lf + 1;
  }
  return { header: bytes.toString('latin1', 0, from), rest: bytes.subarray(from) };
}

// A line that begins with white space goes on with the field before it (RFC 5322 section 2.2.3).
const NEXT_FIELD = /(?<=\n)(?![ \t])/;
const FOLD = /\r?\n(?=[ \t])/g;
const NAMED = /^([!-9;-~]+)[ \t]*:/;

const BLANKS = ' \t\r\n';

/** Without blanks at both ends; a byte that only looks like one, as latin1, stays. */
export function trimBlanks(text: string): string {
  let from = 0;
  let upto = text.length;
  while (from < upto && BLANKS.includes(text[from] as string)) from += 1;
  while (upto > from && BLANKS.includes(text[upto - 1] as string)) upto -= 1;
  return text.slice(from, upto);
}

/** One field: its name as written, and its value as latin1 text, unfolded. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

const read = (raw: string): Field | undefined => {
  const named = NAMED.exec(raw);
  if (named === null) return undefined;
  const value = trimBlanks(raw.slice(named[0].length).replace(FOLD, ''));
  return { name: named[1] as string, value };
};

const isNamed = (raw: string, lowerName: string): boolean =>
  raw.slice(0, lowerName.length).toLowerCase() === lowerName &&
  NAMED.exec(raw)?.[1]?.length === lowerName.length;

/** The fields of a header, in their order. */
export class Header {
  #raws: string[];
  #isChanged = false;

  constructor(text: string) {
    this.#raws = text === '' ? [] : text.split(NEXT_FIELD);
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** The header as latin1 text. */
  toString(): string {
    return this.#raws.join('');
  }

  /** All fields that have a name. */
  fields(): Field[] {
    return this.#raws.flatMap((raw) => read(raw) ?? []);
  }

  /** The fields of a name, in any case of its letters. */
  find(name: string): Field[] {
    const lower = name.toLowerCase();
    return this.#raws.filter((raw) => isNamed(raw, lower)).flatMap((raw) => read(raw) ?? []);
  }

  /** Puts a whole field, its CRLF included, in front of all others. */
  prepend(raw: string): void {
    this.#isChanged = true;
    this.#raws.unshift(raw);
  }

  /** Puts a whole field, its CRLF included, behind all others. */
  append(raw: string): void {
    this.#isChanged = true;
    const last = this.#raws.at(-1);
    // A message that ends within its header may lack the end of that line.
    if (last !== undefined && !last.endsWith('\n')) this.#raws[this.#raws.length - 1] += '\r\n';
    this.#raws.push(raw);
  }

  /** Puts a whole field in the place of the first of that name, others go; or behind all. */
  replace(name: string, raw: string): void {
    const lower = name.toLowerCase();
    const at = this.#raws.findIndex((one) => isNamed(one, lower));
    if (at < 0) return this.append(raw);
    this.#isChanged = true;
    this.#raws = this.#raws.filter((one, index) => index === at || !isNamed(one, lower));
    this.#raws[at] = raw;
  }

  /** Changes fields as they stand, with all their line ends; what has no name is one, too. */
  rewrite(change: (raw: string) => string): void {
    this.#isChanged = true;
    this.#raws = this.#raws.map(change);
  }

  /** The fields as they stand, with all their line ends. */
  get raws(): readonly string[] {
    return this.#raws;
  }

  /** Removes the fields whose name, in lower case, is meant. */
  remove(isMeant: (lowerName: string) => boolean): void {
    const kept = this.#raws.filter((raw) => {
      const name = NAMED.exec(raw)?.[1];
      return name === undefined || !isMeant(name.toLowerCase());
    });
    if (kept.length === this.#raws.length) return;
    this.#isChanged = true;
    this.#raws = kept;
  }
}
