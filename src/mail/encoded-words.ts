/**
 * Encoded words (RFC 2047): text beyond ASCII in a header. The idea: what cannot be read stays as
 * it stands, since a name that looks odd is better than mail that is refused. It does not know
 * fields.
 */

const WORD = '=\\?([^?\\s]{1,64})\\?([BbQq])\\?([^?\\s]*)\\?=';
const RUN = new RegExp(`${WORD}(?:[ \\t]+${WORD})*`, 'g');
const WORDS = new RegExp(WORD, 'g');

/** True for a text that would be read as another one. */
export const looksEncoded = (text: string): boolean => new RegExp(WORD).test(text);

const readQ = (text: string): Buffer => {
  const bytes = text
    .replace(/_/g, ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
};

interface Piece {
  readonly charset: string;
  readonly bytes: Buffer[];
}

// A character may be cut between two words, although section 5 forbids it: bytes are joined first.
const readRun = (run: string): string => {
  const pieces: Piece[] = [];
  for (const [, label = '', kind = '', text = ''] of run.matchAll(WORDS)) {
    // RFC 2231 section 5: a language may follow the charset.
    const charset = (label.split('*')[0] as string).toLowerCase();
    const bytes = kind.toUpperCase() === 'B' ? Buffer.from(text, 'base64') : readQ(text);
    const last = pieces.at(-1);
    if (last?.charset === charset) last.bytes.push(bytes);
    else pieces.push({ charset, bytes: [bytes] });
  }
  try {
    const texts = pieces.map(({ charset, bytes }) =>
      new TextDecoder(charset, { fatal: true }).decode(Buffer.concat(bytes)),
    );
    return texts.join('');
  } catch {
    return run;
  }
};

/** The text that a value with encoded words stands for; as it is where that cannot be read. */
export const decodeWords = (value: string): string =>
  value.includes('=?') ? value.replace(RUN, readRun) : value;

const OVERHEAD = '=?utf-8?B??='.length;
const LINE_CHARS_MAX = 76;

/** Encodes a text as words, folded; `column` is where the first of them begins. */
export function encodeWords(text: string, column: number): string {
  const roomAt = (at: number): number => Math.floor((LINE_CHARS_MAX - at - OVERHEAD) / 4) * 3;
  const lines: string[] = [];
  let room = roomAt(column);
  if (room < 6) {
    lines.push('');
    room = roomAt(1);
  }
  let bytes: Buffer[] = [];
  let count = 0;
  const close = (): void => {
    lines.push(`=?utf-8?B?${Buffer.concat(bytes).toString('base64')}?=`);
    bytes = [];
    count = 0;
    room = roomAt(1);
  };
  // By characters: none may be cut between two words.
  for (const character of text) {
    const more = Buffer.from(character, 'utf8');
    if (count + more.length > room) close();
    bytes.push(more);
    count += more.length;
  }
  close();
  return lines.join('\r\n ');
}
