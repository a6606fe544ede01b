/**
 * Makes a peer's text safe for a log line: one event stays one line and shows what was sent.
 * The one idea: escape what a terminal or a reader would obey (control, bidi, invisible), cap the
 * rest. It does not know what the text means.
 */

/** The most characters of a peer's text that a log line shows. */
export const PEER_TEXT_CHARS_MAX = 1024;

// C0, DEL, C1, line and paragraph separators, bidi marks, zero-width and lone surrogates.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;

const escapeOne = (text: string): string =>
  `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text with everything unprintable written as \uXXXX, capped. */
export function escapeForLog(text: string): string {
  const head = text.length > PEER_TEXT_CHARS_MAX ? text.slice(0, PEER_TEXT_CHARS_MAX) : text;
  const shown = head.replace(UNSAFE, escapeOne);
  return head === text ? shown : `${shown}…`;
}

/** True when the text holds a control, bidi or invisible character. */
export const hasUnsafeCharacters = (text: string): boolean => {
  UNSAFE.lastIndex = 0;
  return UNSAFE.test(text);
};
