/**
 * Texts and bytes as parts of a message (RFC 2045 section 6): line ends made CRLF, and an encoding
 * that every receiver takes. What is plain stays plain; the rest is quoted-printable where most of
 * it is readable, else base64. Knows no MIME tree.
 */
import { encode as encodeQuoted, wrap as wrapQuoted } from 'nodemailer/lib/qp';
import { encodeBase64 } from '../../mail/transfer-encoding.ts';
import { LINE_OCTETS_MAX } from './limits.ts';

/** A text with its encoding. */
export interface EncodedText {
  readonly encoding: '7bit' | 'quoted-printable' | 'base64';
  readonly text: string;
}

/** Above this share of octets that quoting makes three of, base64 is shorter and as readable. */
const QUOTED_SHARE_MAX = 0.25;

const isAscii = (text: string): boolean => !/[^\t\r\n\x20-\x7e]/.test(text);

// Looked for by hand: a pattern would try each line once from each of its characters.
function hasLongLine(text: string): boolean {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const upto = end < 0 ? text.length : end;
    if (upto - from > LINE_OCTETS_MAX) return true;
    from = upto + 1;
  }
  return false;
}

/** Every line end as CRLF. */
export const fixLineEnds = (text: string): string =>
  /\r(?!\n)|(?<!\r)\n/.test(text) ? text.replace(/\r\n|\r|\n/g, '\r\n') : text;

/** Chooses the encoding of a text and applies it; the result ends with a line end. */
export function encodeText(source: string): EncodedText {
  const fixed = fixLineEnds(source);
  const text = fixed.endsWith('\r\n') ? fixed : `${fixed}\r\n`;
  if (isAscii(text) && !hasLongLine(text)) return { encoding: '7bit', text };
  const bytes = Buffer.byteLength(text);
  // Each character beyond ASCII is two to four octets.
  const beyond = bytes - text.length + (text.match(/[^\x00-\x7f]/g)?.length ?? 0);
  if (beyond > bytes * QUOTED_SHARE_MAX) {
    return { encoding: 'base64', text: encodeBase64(Buffer.from(text)) };
  }
  return { encoding: 'quoted-printable', text: text.split('\r\n').map(quoteLine).join('\r\n') };
}

// Nothing to quote, nothing to cut, and no space at the end.
const READY_LINE = /^(?:[\t\x20-<>-~]{0,75}[!-<>-~])?$/;

/** Lines of templates come again for each recipient. */
const QUOTED_LINES_MAX = 1024;
const QUOTED_CHARS_MAX = 4096;
const quotedLines = new Map<string, string>();

function quoteLine(line: string): string {
  if (READY_LINE.test(line)) return line;
  const known = quotedLines.get(line);
  if (known !== undefined) return known;
  const quoted = wrapQuoted(encodeQuoted(line));
  if (quotedLines.size >= QUOTED_LINES_MAX) quotedLines.clear();
  if (line.length <= QUOTED_CHARS_MAX) quotedLines.set(line, quoted);
  return quoted;
}
