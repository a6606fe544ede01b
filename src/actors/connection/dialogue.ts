/**
 * Bytes in, phases out: collects complete replies and tells one signal per phase, however the bytes
 * were split. The idea: a reply counts only while one is due, so that nothing a peer says too early
 * can be credited to a later command. Reading is strict (RFC 5321 section 4.2); garbage breaks the
 * dialogue and never throws.
 * Deliberately unknown here: links, commands, deadlines, mail.
 */

/** The parts of a conversation that end with an answer. */
export type Phase =
  | 'greeting'
  | 'introduction'
  | 'upgrade'
  | 'authentication'
  | 'envelope'
  | 'body'
  | 'reset'
  | 'parting';

/** One complete reply as it came; the texts of its lines are joined by LF. */
export interface HeardReply {
  readonly code: number;
  readonly text: string;
}

/** What the dialogue tells. After `closing` and `broken` it is deaf. */
export interface DialogueListener {
  /** A reply of the phase came and more are due. */
  continued(phase: Phase, replies: readonly HeardReply[]): void;
  /** The phase has all its replies. */
  answered(phase: Phase, replies: readonly HeardReply[]): void;
  /** The peer said 421: the last of `replies` (RFC 5321 section 3.8). */
  closing(phase: Phase, replies: readonly HeardReply[]): void;
  /** The peer broke the protocol: how, and the bytes in question, as JSON text. */
  broken(how: string, quote: string): void;
}

/** Longest line taken; RFC 5321 section 4.5.3.1.5 allows 512. */
export const LINE_CHARS_MAX = 2_048;
/** Longest reply taken, all its lines together. */
export const REPLY_CHARS_MAX = 65_536;
/** Most lines of one reply. */
export const REPLY_LINES_MAX = 512;

const PLAIN = /^[\t\x20-\x7e]*$/;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const QUOTE_CHARS_MAX = 80;
const CR = 13;
const SPACE = 32;
const HYPHEN = 45;
const SERVICE_CLOSING = 421;

/** One conversation's ear. */
export class Dialogue {
  readonly #listener: DialogueListener;
  #phase: Phase = 'greeting';
  #due = 0;
  #replies: HeardReply[] = [];
  #rest = '';
  #isDeaf = false;
  /** Bytes came beyond what was due: whatever is signalled meanwhile, the conversation is spent. */
  hasExcess = false;
  // The reply under way.
  #code = 0;
  #text = '';
  #lines = 0;
  #mayHoldUtf8 = false;

  constructor(listener: DialogueListener) {
    this.#listener = listener;
  }

  /** From now on `count` replies belong to `phase`. */
  expect(phase: Phase, count: number): void {
    this.#phase = phase;
    this.#due = count;
    this.#replies = [];
  }

  /** The peer offered SMTPUTF8: an acceptance may hold UTF-8 (RFC 6531 section 3.7.4). */
  allowUtf8(): void {
    this.#mayHoldUtf8 = true;
  }

  /** Hears nothing any more. */
  deafen(): void {
    this.#isDeaf = true;
  }

  /** Takes what the link received. */
  receive(bytes: Buffer): void {
    if (this.#isDeaf) return;
    // Latin-1 keeps one char per byte; UTF-8 is read when a line is complete.
    const text = this.#rest + bytes.toString('latin1');
    this.#rest = '';
    let from = 0;
    while (from < text.length) {
      if (this.#due === 0 || this.hasExcess) {
        this.#break('unsolicited reply', text.slice(from));
        return;
      }
      const upto = text.indexOf('\n', from);
      if (upto < 0) {
        if (text.length - from > LINE_CHARS_MAX) this.#break('line too long', text.slice(from));
        else this.#rest = text.slice(from);
        return;
      }
      this.#readLine(text, from, upto);
      if (this.#isDeaf) return;
      from = upto + 1;
    }
  }

  #readLine(text: string, from: number, upto: number): void {
    const end = upto - 1;
    const code = readCode(text, from, end);
    const said = code === 0 ? undefined : this.#readText(code, text.slice(from + 4, end));
    const wrong = this.#findWrong(text, from, upto, code);
    if (wrong !== '' || said === undefined) {
      this.#break(wrong === '' ? 'bytes not allowed in a reply' : wrong, text.slice(from, upto));
      return;
    }
    this.#code = code;
    this.#text = this.#lines === 0 ? said : `${this.#text}\n${said}`;
    this.#lines += 1;
    const isLast = end - from === 3 || text.charCodeAt(from + 3) === SPACE;
    if (isLast) this.#complete(upto + 1 < text.length);
  }

  #findWrong(text: string, from: number, upto: number, code: number): string {
    if (upto === from || text.charCodeAt(upto - 1) !== CR) return 'bare LF';
    if (upto - from > LINE_CHARS_MAX) return 'line too long';
    if (code === 0) return 'not a reply';
    if (this.#lines === 0) return '';
    if (code !== this.#code) return 'codes differ';
    const isLong = this.#text.length + upto - from > REPLY_CHARS_MAX;
    return isLong || this.#lines >= REPLY_LINES_MAX ? 'reply too long' : '';
  }

  #readText(code: number, text: string): string | undefined {
    if (PLAIN.test(text)) return text;
    if (CONTROL.test(text)) return undefined;
    const read = Buffer.from(text, 'latin1').toString('utf8');
    // A refusal in any charset stays a refusal; an acceptance must be well-formed to count.
    if (code >= 400) return read;
    return this.#mayHoldUtf8 && !read.includes('\ufffd') ? read : undefined;
  }

  #complete(hasMore: boolean): void {
    const replies = this.#replies;
    replies.push({ code: this.#code, text: this.#text });
    this.#lines = 0;
    this.#text = '';
    if (this.#code === SERVICE_CLOSING) {
      this.#isDeaf = true;
      this.#listener.closing(this.#phase, replies);
      return;
    }
    this.#due -= 1;
    if (this.#due > 0) {
      this.#listener.continued(this.#phase, replies);
      return;
    }
    this.hasExcess = hasMore;
    this.#listener.answered(this.#phase, replies);
  }

  #break(what: string, line: string): void {
    this.#isDeaf = true;
    this.#listener.broken(what, quote(line));
  }
}

// Three digits, class 2 to 5, then a space, a hyphen or the end (RFC 5321 section 4.2).
function readCode(text: string, from: number, end: number): number {
  if (end - from < 3) return 0;
  const first = text.charCodeAt(from) - 48;
  const second = text.charCodeAt(from + 1) - 48;
  const third = text.charCodeAt(from + 2) - 48;
  if (first < 2 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return 0;
  if (end - from > 3) {
    const mark = text.charCodeAt(from + 3);
    if (mark !== SPACE && mark !== HYPHEN) return 0;
  }
  return first * 100 + second * 10 + third;
}

function quote(line: string): string {
  return JSON.stringify(line.slice(0, QUOTE_CHARS_MAX));
}
