/**
 * Canonical forms of header fields and bodies (RFC 6376 section 3.4). The idea: a body is fed to
 * whoever hashes it in one pass over the pieces it came in, and never becomes one text.
 * Deliberately unknown here: hashes, and which fields are signed.
 */
import type { Canonicalization } from '../domain/options-dkim.ts';

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const CRLF = Uint8Array.of(CR, LF);
const PIECE_OCTETS = 16_384;

/** Takes octets that are only lent for the time of the call. */
export type Feed = (octets: Uint8Array) => void;

// Linear in the length of the field, however long a run of blanks is.
const BLANKS = /[ \t]+/g;

/** A header field, as `raw` without its last CRLF, in canonical form, without a CRLF. */
export function canonicalField(raw: string, kind: Canonicalization): string {
  if (kind === 'Simple') return raw;
  const line = raw.replaceAll('\r\n', '').replace(BLANKS, ' ');
  const colon = line.indexOf(':');
  const nameEnd = line.charCodeAt(colon - 1) === SPACE ? colon - 1 : colon;
  const from = line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
  const upto = line.length > from && line.endsWith(' ') ? line.length - 1 : line.length;
  return `${line.slice(0, nameEnd).toLowerCase()}:${line.slice(from, upto)}`;
}

/** Feeds the canonical form of a body that came in pieces. */
export function feedBody(chunks: readonly Uint8Array[], kind: Canonicalization, feed: Feed): void {
  if (kind === 'Simple') feedSimple(chunks, feed);
  else feedRelaxed(chunks, feed);
}

/** Section 3.4.3: empty lines at the end go, and the last line ends with CRLF. */
function feedSimple(chunks: readonly Uint8Array[], feed: Feed): void {
  let left = octetsWithoutEmptyLines(chunks);
  for (const chunk of chunks) {
    if (left === 0) break;
    const taken = Math.min(left, chunk.length);
    if (taken > 0) feed(chunk.subarray(0, taken));
    left -= taken;
  }
  feed(CRLF);
}

/** Octets up to the last line that has something on it, without the CRLF of that line. */
function octetsWithoutEmptyLines(chunks: readonly Uint8Array[]): number {
  let index = chunks.length;
  let offset = 0;
  let chunk: Uint8Array | undefined;
  const previous = (): number | undefined => {
    while (offset === 0) {
      index -= 1;
      chunk = chunks[index];
      if (chunk === undefined) return undefined;
      offset = chunk.length;
    }
    offset -= 1;
    return chunk?.[offset];
  };
  let octets = chunks.reduce((sum, { length }) => sum + length, 0);
  while (previous() === LF && previous() === CR) octets -= 2;
  return octets;
}

/** Section 3.4.4: runs of blanks become one, those at the end of a line and empty lines at the end
 * go; a body of which nothing is left is empty, any other ends with CRLF. */
function feedRelaxed(chunks: readonly Uint8Array[], feed: Feed): void {
  const lines = new RelaxedLines(feed);
  for (const chunk of chunks) lines.take(chunk);
  lines.end();
}

/** What was seen but not yet fed: a CR, a blank, line ends; each may turn out not to count. */
class RelaxedLines {
  readonly #feed: Feed;
  readonly #out = new Uint8Array(PIECE_OCTETS);
  #used = 0;
  #hasText = false;
  #isAfterCr = false;
  #isAfterBlank = false;
  #lineEnds = 0;

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#takePlain(chunk, at);
      if (at < chunk.length) this.#takeOne(chunk[at] ?? 0);
      at += 1;
    }
  }

  /** Text that is canonical as it is, which most text is, in a loop of its own; gives its end. */
  #takePlain(chunk: Uint8Array, from: number): number {
    if (this.#isAfterCr || this.#isAfterBlank || this.#lineEnds > 0) return from;
    const out = this.#out;
    const end = chunk.length;
    let used = this.#used;
    let at = from;
    while (at < end) {
      if (used > PIECE_OCTETS - 2) {
        this.#feed(out.subarray(0, used));
        used = 0;
      }
      const octet = chunk[at] as number;
      // A blank, and the end of a line, is only plain where text follows; beyond the end is none.
      if (octet > SPACE || (octet === SPACE && (chunk[at + 1] as number) > SPACE)) {
        out[used] = octet;
        used += 1;
        at += 1;
      } else if (octet === CR && chunk[at + 1] === LF && (chunk[at + 2] as number) > SPACE) {
        out[used] = CR;
        out[used + 1] = LF;
        used += 2;
        at += 2;
      } else break;
    }
    this.#used = used;
    this.#hasText ||= at > from;
    return at;
  }

  #takeOne(octet: number): void {
    if (this.#isAfterCr) {
      this.#isAfterCr = false;
      if (octet === LF) {
        this.#isAfterBlank = false;
        this.#lineEnds += 1;
        return;
      }
      // A CR by itself is text like any other.
      this.#putText(CR);
    }
    if (octet === CR) this.#isAfterCr = true;
    else if (octet === SPACE || octet === TAB) this.#isAfterBlank = true;
    else this.#putText(octet);
  }

  end(): void {
    if (this.#isAfterCr) this.#putText(CR);
    if (this.#hasText) {
      this.#put(CR);
      this.#put(LF);
    }
    if (this.#used > 0) this.#feed(this.#out.subarray(0, this.#used));
  }

  #putText(octet: number): void {
    for (; this.#lineEnds > 0; this.#lineEnds -= 1) {
      this.#put(CR);
      this.#put(LF);
    }
    if (this.#isAfterBlank) this.#put(SPACE);
    this.#isAfterBlank = false;
    this.#hasText = true;
    this.#put(octet);
  }

  #put(octet: number): void {
    if (this.#used === PIECE_OCTETS) {
      this.#feed(this.#out);
      this.#used = 0;
    }
    this.#out[this.#used] = octet;
    this.#used += 1;
  }
}
