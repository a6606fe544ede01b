/**
 * Writing mail that others must be able to read: one line stays one line, long ones are folded, and
 * texts and octets become one message. Knows no field and no report.
 */

// Whatever could end a line, here or in the reader of a log.
const CONTROLS = /[\p{Cc}\u2028\u2029\p{Cs}]+/gu;
/** Of one value, UTF-16 units. */
const LINE_CHARS_MAX = 4_096;
/** RFC 5322 section 2.1.1. */
const FOLD_COLUMNS = 78;
/** A longer word is cut: no line may have more than 998 octets, and a unit takes three at most. */
const WORD_CHARS_MAX = 900;
const WIDE_WORD_CHARS_MAX = 300;

/** A text without anything that ends a line. */
export const oneLine = (text: string): string =>
  text.slice(0, LINE_CHARS_MAX).replace(CONTROLS, ' ').trim();

/** True for a text of ASCII alone. */
export const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

/** The text with a question mark for whatever ASCII does not have. */
export const asAscii = (text: string): string => text.replace(/[^\0-\x7f]/gu, '?');

/** Folds a line at its spaces, so that each goes on with the space it was cut before. */
export function foldField(line: string, indent = ''): string {
  const lines: string[] = [];
  let now = '';
  for (const word of line.split(/(?= )/).flatMap(cutWord)) {
    const isBeyond = now.trim() !== '' && now.length + word.length > FOLD_COLUMNS;
    if (isBeyond && word.startsWith(' ')) {
      lines.push(now);
      now = indent + word;
    } else now += word;
  }
  return [...lines, now].join('\r\n');
}

// A word that cannot be folded is cut with a space: better than a line that no server takes.
function cutWord(word: string): string[] {
  const max = isAscii(word) ? WORD_CHARS_MAX : WIDE_WORD_CHARS_MAX;
  const cuts: string[] = [word.slice(0, max)];
  for (let at = max; at < word.length; at += max) cuts.push(` ${word.slice(at, at + max)}`);
  return cuts;
}

const CR = 13;
const LF = 10;

/** The octets with CRLF at their end. */
export function withEnd(bytes: Uint8Array): Uint8Array {
  const isEnded = bytes.at(-1) === LF && bytes.at(-2) === CR;
  return isEnded ? bytes : joinBytes([bytes, '\r\n']);
}

/** The header of a message with its last line end, without the empty line behind it. */
export function readHeaderBytes(message: Uint8Array): Uint8Array {
  if (message[0] === CR && message[1] === LF) return message.subarray(0, 0);
  for (let at = 0; at + 3 < message.length; at += 1) {
    const isEnd = message[at] === CR && message[at + 1] === LF;
    if (isEnd && message[at + 2] === CR && message[at + 3] === LF)
      return message.subarray(0, at + 2);
  }
  return message;
}

/** Texts and octets in one piece. */
export function joinBytes(pieces: readonly (Uint8Array | string)[]): Uint8Array {
  const encoder = new TextEncoder();
  const all = pieces.map((piece) => (typeof piece === 'string' ? encoder.encode(piece) : piece));
  const joined = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of all) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
