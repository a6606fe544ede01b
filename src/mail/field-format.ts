/**
 * Fields as policy writes them. The idea: whatever a value holds, it makes exactly one field; a
 * line break that would begin another one is refused. It does not know what fields mean.
 */
import { decodeWords, encodeWords, looksEncoded } from './encoded-words.ts';
import { trimBlanks } from './header.ts';

const NAME = /^[!-9;-~]{1,76}$/;
/** Where a line is folded if it can be. */
const SOFT_CHARS_MAX = 75;
/** Words beyond this are encoded, because they cannot be folded. */
const HARD_CHARS_MAX = 900;
/** RFC 5322 section 2.1.1, without the CRLF. */
const LINE_BYTES_MAX = 998;

const BREAK = /[\r\n]/;
const FOLDS = /\r\n[ \t]+(?=[^ \t\r\n])/g;
const UNSAFE = /[^\x20-\x7e\t]/;

/** Throws where `name` is no name of a field. */
export function checkFieldName(name: unknown): asserts name is string {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw new TypeError(`${JSON.stringify(name)} is no name of a header field`);
}

/** One field with its CRLF, as latin1 text of its UTF-8 bytes. */
export function formatField(name: string, value: string, isEncoded: boolean): string {
  checkFieldName(name);
  if (typeof value !== 'string') throw new TypeError(`the value of ${name} is no text`);
  const text = isEncoded ? fold(name, trimBlanks(value)) : value;
  if (BREAK.test(text.replace(FOLDS, '')) || text.includes('\0')) {
    throw new TypeError(`the value of ${name} holds a line break or NUL; give encode = true`);
  }
  const field = Buffer.from(`${name}: ${text}\r\n`, 'utf8').toString('latin1');
  if (field.split('\r\n').some((line) => line.length > LINE_BYTES_MAX)) {
    throw new TypeError(`${name} has a line beyond ${LINE_BYTES_MAX} octets; give encode = true`);
  }
  return field;
}

function fold(name: string, value: string): string {
  const column = name.length + 2;
  const words = value.match(/[ \t]*[^ \t]+/g) ?? [];
  const isPlain = !UNSAFE.test(value) && !looksEncoded(value);
  if (!isPlain || words.some((word) => word.length > HARD_CHARS_MAX)) {
    return encodeWords(value, column);
  }
  let text = '';
  let at = column;
  for (const word of words) {
    // A fold stands in front of white space that is there already, so unfolding takes it away.
    const isFolded = text !== '' && at + word.length > SOFT_CHARS_MAX;
    text += isFolded ? `\r\n${word}` : word;
    at = isFolded ? word.length : at + word.length;
  }
  return text;
}

/** A latin1 value as its bytes mean it: UTF-8 where it is that, encoded words decoded. */
export function decodeValue(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  const utf8 = bytes.toString('utf8');
  return decodeWords(utf8.includes('\ufffd') ? latin1 : utf8);
}
