/**
 * Fields of a report's part that a machine is to read: blocks of `Name: value` lines, parted by
 * empty lines (RFC 3464 section 2.1.1, RFC 5965 section 3). The one idea: what is not such a block
 * is refused with a reason, so nobody guesses at what a report meant.
 * Deliberately unknown here: which fields there are.
 */

/** A report that looks like one and cannot be read; never leaves this folder as an exception. */
export class MalformedReport extends Error {}

/** Fields in one block; reports of real servers have about ten. */
export const FIELDS_MAX = 128;
/** Blocks in one part: one for the message, one for each recipient. */
export const BLOCKS_MAX = 64;
/** Of one value, UTF-16 units. */
export const VALUE_CHARS_MAX = 4_096;

const FIELD = /^([!-9;-~]+)[ \t]*:(.*)$/s;

/** The fields of a block by name in lower case, each with its values in their order. */
export type Block = ReadonlyMap<string, readonly string[]>;

function addField(block: Map<string, string[]>, line: string): void {
  const [, name, raw = ''] = FIELD.exec(line) ?? [];
  if (name === undefined) throw new MalformedReport('a line of the report is no field');
  const value = raw.trim();
  if (value.length > VALUE_CHARS_MAX) throw new MalformedReport(`${name} is too long`);
  const key = name.toLowerCase();
  const values = block.get(key);
  if (values === undefined) block.set(key, [value]);
  else values.push(value);
}

function readBlock(text: string): Block {
  const block = new Map<string, string[]>();
  // A folded line begins with a space (RFC 5322 section 2.2.3); its line end is no part of it.
  const lines = text.replace(/\n(?=[ \t])/g, '').split('\n');
  if (lines.length > FIELDS_MAX) throw new MalformedReport('a block of the report has no end');
  for (const line of lines) if (line !== '') addField(block, line);
  return block;
}

/** Reads the blocks of a part whose line ends are LF. Throws MalformedReport. */
export function readBlocks(text: string): readonly Block[] {
  const blocks = text.split(/\n(?:[ \t]*\n)+/).filter((block) => block.trim() !== '');
  if (blocks.length > BLOCKS_MAX) throw new MalformedReport('the report has too many blocks');
  return blocks.map(readBlock);
}

/** A block whose fields are taken out one by one; what is left are extensions. */
export class Fields {
  readonly #left: Map<string, readonly string[]>;

  constructor(block: Block) {
    this.#left = new Map(block);
  }

  /** Takes a field that may be there once. */
  one(name: string): string | undefined {
    const values = this.all(name);
    if (values.length > 1) throw new MalformedReport(`${name} is there ${values.length} times`);
    return values[0];
  }

  /** Takes a field that must be there, once. */
  need(name: string): string {
    const value = this.one(name);
    if (value === undefined) throw new MalformedReport(`${name} is missing`);
    return value;
  }

  /** Takes a field that may be there any number of times. */
  all(name: string): readonly string[] {
    const values = this.#left.get(name) ?? [];
    this.#left.delete(name);
    return values;
  }

  /** What nobody took. */
  rest(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.#left);
  }
}

/** A value of the form `type; text` (RFC 3464 section 2.1.2). */
export interface Typed {
  readonly type: string;
  readonly text: string;
}

/** Reads `type; text`; the type in lower case. */
export function readTyped(name: string, value: string): Typed {
  const at = value.indexOf(';');
  if (at <= 0) throw new MalformedReport(`${name} does not say its type`);
  return { type: value.slice(0, at).trim().toLowerCase(), text: value.slice(at + 1).trim() };
}

/** Takes the angle brackets off an address. */
export const withoutBrackets = (text: string): string =>
  text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1).trim() : text;
