/**
 * Bodies of MIME parts as octets and back (RFC 2045 section 6). The idea: what is read is read as
 * every receiver would, mistakes included, and what is written is read back octet by octet. It does
 * not know parts, nor charsets.
 */

/** A longer line may not be sent (RFC 5322 section 2.1.1), octets without CRLF. */
export const LINE_BYTES_MAX = 998;
/** RFC 2045 section 6.7. */
const QUOTED_CHARS_MAX = 76;
const BASE64_COLUMNS = 76;

/** Encodings that change octets; with all others a body stands for itself. */
export type Encoding = 'quoted-printable' | 'base64' | 'identity';

/** Which encoding the value of a Content-Transfer-Encoding field names. */
export function encodingOf(value: string | undefined): Encoding {
  const named = value?.trim().toLowerCase();
  return named === 'quoted-printable' || named === 'base64' ? named : 'identity';
}

/** The octets that a body stands for. */
export function decodeTransfer(body: Buffer, encoding: Encoding): Buffer {
  if (encoding === 'identity') return body;
  const text = body.toString('latin1');
  if (encoding === 'base64') return Buffer.from(text, 'base64');
  const joined = text.replace(/[ \t]+(?=\r?\n|$)/g, '').replace(/=\r?\n/g, '');
  const octets = joined.replace(/=([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(octets, 'latin1');
}

/** The body that stands for these octets. */
export function encodeTransfer(octets: Buffer, encoding: Encoding): Buffer {
  if (encoding === 'identity') return octets;
  if (encoding === 'base64') return Buffer.from(encodeBase64(octets), 'latin1');
  const lines = octets.toString('latin1').split('\r\n').map(quoteLine);
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** Base64 in lines of 76, each with its end. */
export function encodeBase64(bytes: Buffer): string {
  const code = bytes.toString('base64');
  let text = '';
  for (let at = 0; at < code.length; at += BASE64_COLUMNS) {
    text += `${code.slice(at, at + BASE64_COLUMNS)}\r\n`;
  }
  return text;
}

const quote = (octet: string): string =>
  `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

// One line without its end; blanks at its end are quoted, since some hosts take them away.
function quoteLine(line: string): string {
  const quoted = line.replace(/[^\t\x20-<>-~]|[\t ]$/g, quote);
  if (quoted.length <= QUOTED_CHARS_MAX) return quoted;
  let text = '';
  let room = QUOTED_CHARS_MAX - 1;
  for (const [piece] of quoted.matchAll(/=[0-9A-F]{2}|[^=]/g)) {
    if (piece.length > room) {
      text += '=\r\n';
      room = QUOTED_CHARS_MAX - 1;
    }
    text += piece;
    room -= piece.length;
  }
  return text;
}

/** True for a line beyond what may be sent. */
export function hasLongLine(body: Buffer): boolean {
  for (let from = 0; from < body.length; ) {
    const lf = body.indexOf(0x0a, from);
    const upto = lf < 0 ? body.length : lf - (body[lf - 1] === 0x0d ? 1 : 0);
    if (upto - from > LINE_BYTES_MAX) return true;
    if (lf < 0) return false;
    from = lf + 1;
  }
  return false;
}
