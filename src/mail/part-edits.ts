/**
 * Changing one part of a message: text is put behind its text, or into its HTML in front of the
 * closing tag, in the part's own charset and encoding where it can be said in them. The idea: only
 * the bytes of that part change, and what was in it is read back as it was. It does not know
 * messages in reception.
 */
import { formatField } from './field-format.ts';
import { Header } from './header.ts';
import type { MimePart } from './mime-part.ts';
import { parseMime, readCharset } from './mime-part.ts';
import type { Encoding } from './transfer-encoding.ts';
import { encodeTransfer, hasLongLine } from './transfer-encoding.ts';

/** Kinds of text that can be appended to. */
export type TextKind = 'text/plain' | 'text/html';

const NON_ASCII = /[^\x00-\x7f]/;
/** Charsets in which ASCII is not written as ASCII. */
const WIDE = /^(?:utf-?16|utf-?32|ucs|iso-10646|utf-7|hz|iso-2022|unicode)/i;
const EMPTY = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n');

/** A part as it is to be. */
export interface NewBody {
  readonly octets: Buffer;
  readonly encoding: Encoding;
  /** Where it differs from what it was. */
  readonly charset?: string | undefined;
}

/** The same message with another body of one part. */
export function replaceBody(whole: Buffer, part: MimePart, body: NewBody): Buffer {
  const header = new Header(part.header.toString());
  if (body.charset !== undefined) {
    const type = `${part.content_type}; charset=${body.charset}${restOf(part)}`;
    header.replace('Content-Type', formatField('Content-Type', type, false));
  }
  if (body.encoding !== part.encoding) {
    const field = formatField('Content-Transfer-Encoding', body.encoding, false);
    header.replace('Content-Transfer-Encoding', field);
  }
  const isUnended = part.headerUpto > part.headerFrom && !header.toString().endsWith('\n');
  const hasEmptyLine = part.bodyFrom > part.headerUpto;
  const emptyLine = hasEmptyLine ? whole.subarray(part.headerUpto, part.bodyFrom) : CRLF;
  return Buffer.concat([
    whole.subarray(0, part.headerFrom),
    Buffer.from(header.toString(), 'latin1'),
    isUnended ? CRLF : EMPTY,
    emptyLine,
    endLike(encodeTransfer(body.octets, body.encoding), part, whole),
    whole.subarray(part.bodyUpto),
  ]);
}

const restOf = ({ parameters }: MimePart): string =>
  [...parameters]
    .filter(([name]) => name !== 'charset')
    .map(([name, value]) => `; ${name}="${value.replace(/["\\\r\n]/g, '')}"`)
    .join('');

// The line end before a delimiter belongs to it; a message ends with one.
function endLike(body: Buffer, { bodyUpto }: MimePart, whole: Buffer): Buffer {
  if (bodyUpto === whole.length) {
    return body.length === 0 || body.at(-1) === 0x0a ? body : Buffer.concat([body, CRLF]);
  }
  return body;
}

/** Appends text to the first part of a kind; undefined where there is none. */
export function appendText(whole: Buffer, kind: TextKind, text: string): Buffer | undefined {
  const { text_part, html_part } = parseMime(whole).get_simple_structure();
  const part = kind === 'text/plain' ? text_part : html_part;
  if (part === undefined) return undefined;
  return replaceBody(whole, part, joinText(part, kind, text.replace(/\r\n|\r|\n/g, '\r\n')));
}

function joinText(part: MimePart, kind: TextKind, text: string): NewBody {
  const { charset, octets, encoding } = part;
  const isAscii = !NON_ASCII.test(text);
  const canSay = !WIDE.test(charset) && (isAscii || charset === 'utf-8');
  if (!canSay) {
    const joined = insert(Buffer.from(readCharset(octets, charset)), kind, Buffer.from(text));
    return { octets: joined, encoding: 'quoted-printable', charset: 'utf-8' };
  }
  const joined = insert(octets, kind, Buffer.from(text));
  const isPlain = encoding === 'identity';
  const named = part.get_first_named_header_value('Content-Transfer-Encoding');
  const isClean = isAscii || /^(?:8bit|binary)$/i.test(named ?? '');
  const isTooLong = hasLongLine(joined) && !hasLongLine(octets);
  const mustQuote = isPlain && (!isClean || isTooLong);
  return { octets: joined, encoding: mustQuote ? 'quoted-printable' : encoding };
}

function insert(octets: Buffer, kind: TextKind, added: Buffer): Buffer {
  const at = kind === 'text/plain' ? octets.length : findClosing(octets);
  return Buffer.concat([octets.subarray(0, at), added, octets.subarray(at)]);
}

/** Where the last closing body tag begins; the end where there is none. */
function findClosing(octets: Buffer): number {
  const tags = [...octets.toString('latin1').matchAll(/<\/body[\s>]/gi)];
  return tags.at(-1)?.index ?? octets.length;
}
