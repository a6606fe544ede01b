/**
 * The DKIM-Signature field (RFC 6376 section 3.5) as text, folded, but for the signature itself;
 * and which fields of a message it names. The idea: the signature comes last, so that what is
 * signed is a beginning of what is sent.
 * Deliberately unknown here: hashes and keys.
 */
import type { DkimSigning } from '../domain/options-dkim.ts';
import { SigningFault } from './fault.ts';
import type { HeaderField } from './message-parts.ts';

/** RFC 5322 section 2.1.1 asks for lines of at most 78 characters. */
const LINE_CHARS_MAX = 76;
/** Fields one signature names at most; a header beyond it is no mail. */
const NAMED_FIELDS_MAX = 1_000;
const FOLD = '\r\n\t';

/** Which fields are signed: those found, in the order of their names in `h=`. */
export interface FieldSelection {
  /** The names of `h=`, those of fields that are not there included. */
  readonly names: readonly string[];
  readonly fields: readonly HeaderField[];
}

/** Fields of a message by their names in lower case, each list from the top down. */
export type FieldsByName = ReadonlyMap<string, readonly HeaderField[]>;

/** Sorts fields by name. */
export function indexFields(fields: readonly HeaderField[]): FieldsByName {
  const byName = new Map<string, HeaderField[]>();
  for (const field of fields) {
    const known = byName.get(field.name);
    if (known === undefined) byName.set(field.name, [field]);
    else known.push(field);
  }
  return byName;
}

/**
 * Chooses the fields to sign: all occurrences of each name, from the bottom up (section 5.4.2). A
 * name that is listed n times, n > 1, is named n times at least; with `over_sign` each is named
 * once more than it occurs, so that a field that is added breaks the signature (section 8.15).
 */
export function selectFields(
  byName: FieldsByName,
  { headers, over_sign }: Pick<DkimSigning, 'headers' | 'over_sign'>,
): FieldSelection {
  const listed = new Map<string, { spelled: string; times: number }>();
  for (const spelled of headers) {
    const before = listed.get(spelled.toLowerCase());
    if (before === undefined) listed.set(spelled.toLowerCase(), { spelled, times: 1 });
    else before.times += 1;
  }
  const names: string[] = [];
  const fields: HeaderField[] = [];
  for (const [name, { spelled, times }] of listed) {
    const found = byName.get(name) ?? [];
    const least = times > 1 ? times : 0;
    const count = Math.max(found.length + (over_sign ? 1 : 0), least);
    if (names.length + count > NAMED_FIELDS_MAX) {
      const problem = `the message has more than ${NAMED_FIELDS_MAX} header fields to sign`;
      throw new SigningFault('message', problem);
    }
    for (let at = 0; at < count; at += 1) names.push(spelled);
    for (let at = found.length - 1; at >= 0; at -= 1) fields.push(found[at] as HeaderField);
  }
  return { names, fields };
}

/** What stands in the field besides the options. */
export interface FieldFacts {
  /** Domain and selector as DNS knows them. */
  readonly domain: string;
  readonly selector: string;
  readonly agent: string | undefined;
  readonly names: readonly string[];
  readonly bodyHash: string;
  /** Seconds since 1970. */
  readonly signedAt: number;
}

// Section 2.11: what could end a tag, or is no printable ASCII, is written as =XX.
const quote = (value: string): string =>
  [...Buffer.from(value, 'utf8')]
    .map((octet) => {
      const isSafe = octet > 0x20 && octet < 0x7f && octet !== 0x3b && octet !== 0x3d;
      const hex = octet.toString(16).toUpperCase().padStart(2, '0');
      return isSafe ? String.fromCharCode(octet) : `=${hex}`;
    })
    .join('');

/** Words of the field with what stands between them; a line may end before each. */
type Word = readonly [gap: '' | ' ', text: string];

const tagsOf = (signing: DkimSigning, facts: FieldFacts): string[] => {
  const { header_canonicalization: header, body_canonicalization: body, expiration } = signing;
  const tags = [
    'v=1',
    `a=${signing.algo === 'ed25519' ? 'ed25519-sha256' : 'rsa-sha256'}`,
    `c=${header.toLowerCase()}/${body.toLowerCase()}`,
    `d=${facts.domain}`,
    `s=${facts.selector}`,
  ];
  if (facts.agent !== undefined) tags.push(`i=${quote(facts.agent)}`);
  tags.push(`t=${facts.signedAt}`);
  if (expiration !== undefined) tags.push(`x=${facts.signedAt + Math.ceil(expiration / 1_000)}`);
  if (signing.reporting) tags.push('r=y');
  if (signing.atps !== undefined) tags.push(`atps=${signing.atps}`, `atpsh=${signing.atpsh}`);
  return tags;
};

const wordsOf = (signing: DkimSigning, facts: FieldFacts): Word[] => {
  const words = tagsOf(signing, facts).map((tag): Word => [' ', `${tag};`]);
  facts.names.forEach((name, at) => {
    const isLast = at === facts.names.length - 1;
    words.push([at === 0 ? ' ' : '', `${at === 0 ? 'h=' : ''}${name}${isLast ? ';' : ':'}`]);
  });
  words.push([' ', `bh=${facts.bodyHash};`], [' ', 'b=']);
  return words;
};

/** The field up to and including `b=`: what is signed of it. */
export function writeUnsigned(signing: DkimSigning, facts: FieldFacts): string {
  let text = 'DKIM-Signature:';
  let column = text.length;
  for (const [gap, word] of wordsOf(signing, facts)) {
    const isFitting = column + gap.length + word.length <= LINE_CHARS_MAX;
    text += isFitting ? gap + word : FOLD + word;
    column = isFitting ? column + gap.length + word.length : 1 + word.length;
  }
  return text;
}

/** The whole field with its CRLF; the signature, base64, is folded. */
export function completeField(unsigned: string, signature: string): string {
  const column = unsigned.length - (unsigned.lastIndexOf('\n') + 1);
  let at = Math.max(0, LINE_CHARS_MAX - column);
  let text = unsigned + signature.slice(0, at);
  for (; at < signature.length; at += LINE_CHARS_MAX - 1) {
    text += FOLD + signature.slice(at, at + LINE_CHARS_MAX - 1);
  }
  return `${text}\r\n`;
}
