/**
 * What is wrong with the form of a message, and mending it. The idea: what is found is a set of
 * names, those of the reference; what is mended changes the lines and parts that are wrong and no
 * others. It does not know messages in reception.
 */
import { formatField } from './field-format.ts';
import { cutMessage, Header, trimBlanks } from './header.ts';
import { fixLineEnds } from './line-ends.ts';
import type { MimePart } from './mime-part.ts';
import { parseMime } from './mime-part.ts';
import { replaceBody } from './part-edits.ts';
import { hasLongLine } from './transfer-encoding.ts';

/** What may be wrong. */
export const PROBLEMS = [
  'MISSING_COLON_VALUE',
  'NON_CANONICAL_LINE_ENDINGS',
  'NAME_ENDS_WITH_SPACE',
  'LINE_TOO_LONG',
  'NEEDS_TRANSFER_ENCODING',
  'MISSING_DATE_HEADER',
  'MISSING_MESSAGE_ID_HEADER',
  'MISSING_MIME_VERSION',
] as const;

/** One of them. */
export type Problem = (typeof PROBLEMS)[number];

/** How text without a charset, that is no UTF-8, is to be read. */
export interface ConformanceOptions {
  /** Whether its charset is guessed; else it is named `unknown-8bit` (RFC 1428). */
  readonly detect_encoding?: boolean | undefined;
  /** Charsets to be tried, in this order; windows-1252 without it. */
  readonly include_encodings?: readonly string[] | undefined;
  readonly exclude_encodings?: readonly string[] | undefined;
}

/** What is put into fields that are missing. */
export interface Missing {
  readonly date: string;
  readonly messageId: string;
}

const NAME_SPACE = /^([!-9;-~]+)[ \t]+:/;
const NAMED = /^[!-9;-~]+[ \t]*:/;
const NAME = /^[!-9;-~]+(?=[ \t]*\r?\n?$)/;
const FIELDS = [
  ['MISSING_DATE_HEADER', 'Date'],
  ['MISSING_MESSAGE_ID_HEADER', 'Message-ID'],
  ['MISSING_MIME_VERSION', 'MIME-Version'],
] as const satisfies readonly (readonly [Problem, string])[];

/** Reads names divided by `|`. Throws a sentence. */
export function readProblems(text: unknown, where: string): ReadonlySet<Problem> {
  if (typeof text !== 'string') throw new TypeError(`${where}: give names divided by |, or ''`);
  const names = text.split('|').flatMap((name) => name.trim() || []);
  for (const name of names) {
    if ((PROBLEMS as readonly string[]).includes(name)) continue;
    throw new TypeError(`${where}: ${name} is unknown; there are ${PROBLEMS.join(', ')}`);
  }
  return new Set(names as Problem[]);
}

/** All that is wrong. */
export function findProblems(whole: Buffer): Set<Problem> {
  const found = new Set<Problem>();
  const header = new Header(cutMessage(whole).header);
  if (header.raws.some((raw) => !NAMED.test(raw))) found.add('MISSING_COLON_VALUE');
  if (header.raws.some((raw) => NAME_SPACE.test(raw))) found.add('NAME_ENDS_WITH_SPACE');
  if (/\r(?!\n)|(?<!\r)\n/.test(whole.toString('latin1'))) found.add('NON_CANONICAL_LINE_ENDINGS');
  if (hasLongLine(whole)) found.add('LINE_TOO_LONG');
  if ([...parseMime(whole).leaves()].some(isBare)) found.add('NEEDS_TRANSFER_ENCODING');
  for (const [problem, name] of FIELDS) if (header.find(name).length === 0) found.add(problem);
  return found;
}

const isEightBit = (bytes: Buffer): boolean => bytes.some((byte) => byte > 0x7f);
const isBare = (part: MimePart): boolean => part.encoding === 'identity' && isEightBit(part.raw);

/** The message without these problems, as far as they can be mended. */
export function fixProblems(
  given: Buffer,
  problems: ReadonlySet<Problem>,
  missing: Missing,
  options: ConformanceOptions,
): Buffer {
  let whole = problems.has('NON_CANONICAL_LINE_ENDINGS') ? fixLineEnds([given]) : given;
  const isMeant = (part: MimePart): boolean =>
    (problems.has('NEEDS_TRANSFER_ENCODING') && isBare(part)) ||
    (problems.has('LINE_TOO_LONG') && part.encoding === 'identity' && hasLongLine(part.raw));
  // From the last on, so that the places of those before it stay.
  for (const part of [...parseMime(whole).leaves()].filter(isMeant).reverse()) {
    whole = replaceBody(whole, part, encoded(part, options));
  }
  return fixHeader(whole, problems, missing);
}

function encoded(part: MimePart, options: ConformanceOptions) {
  const octets = part.raw;
  if (!part.isText) return { octets, encoding: 'base64' as const };
  const isNamed = part.charset !== 'us-ascii' || !isEightBit(octets);
  const read = isNamed ? { octets, charset: undefined } : guess(octets, options);
  return { ...read, encoding: 'quoted-printable' as const };
}

const readStrictly = (octets: Buffer, charset: string): string | undefined => {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
};

function guess(octets: Buffer, options: ConformanceOptions): { octets: Buffer; charset: string } {
  if (readStrictly(octets, 'utf-8') !== undefined) return { octets, charset: 'utf-8' };
  const { detect_encoding, include_encodings, exclude_encodings = [] } = options;
  const names = detect_encoding === true ? (include_encodings ?? ['windows-1252']) : [];
  for (const name of names.filter((one) => !exclude_encodings.includes(one))) {
    const text = readStrictly(octets, name);
    if (text !== undefined) return { octets: Buffer.from(text), charset: 'utf-8' };
  }
  return { octets, charset: 'unknown-8bit' };
}

function fixHeader(whole: Buffer, problems: ReadonlySet<Problem>, missing: Missing): Buffer {
  const cut = cutMessage(whole);
  const header = new Header(cut.header);
  header.rewrite((raw) => {
    let fixed = raw;
    if (problems.has('MISSING_COLON_VALUE') && !NAMED.test(fixed)) fixed = withColon(fixed);
    if (problems.has('NAME_ENDS_WITH_SPACE')) fixed = fixed.replace(NAME_SPACE, '$1:');
    const isLong = problems.has('LINE_TOO_LONG') && hasLongLine(Buffer.from(fixed, 'latin1'));
    return isLong ? refold(fixed) : fixed;
  });
  const values: Record<string, string> = {
    Date: missing.date,
    'Message-ID': missing.messageId,
    'MIME-Version': '1.0',
  };
  for (const [problem, name] of FIELDS) {
    if (problems.has(problem)) header.append(formatField(name, values[name] as string, false));
  }
  return Buffer.concat([Buffer.from(header.toString(), 'latin1'), cut.rest]);
}

// A line that is only a name gets its colon; any other that is no field becomes the value of one.
const withColon = (raw: string): string =>
  NAME.test(raw) ? raw.replace(NAME, '$&:') : `X-Malformed: ${raw.replace(/^[ \t]+/, '')}`;

function refold(raw: string): string {
  const [field] = new Header(raw).fields();
  if (field === undefined) return raw;
  const value = Buffer.from(trimBlanks(field.value), 'latin1').toString('utf8');
  return formatField(field.name, value, true);
}
