/**
 * Reads the data phase: finds CRLF.CRLF and nothing else as the end, takes the stuffed dots out,
 * and notes what is wrong with the bytes, in one pass whatever the splits.
 * The one idea: a line starts after CRLF only, and a dot there is withheld until the next bytes
 * say what it was. It does not know replies, envelopes, or where the bytes go.
 */
import { isAscii } from 'node:buffer';
import { Pieces } from './pieces.ts';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const ONE_CR = Buffer.from('\r');

// Where the reader stands between two bytes.
const LINE_START = 0;
const WITHIN = 1;
const AFTER_DOT = 2;
const AFTER_DOT_CR = 3;
const ENDED = 4;

/** The data phase of one message. */
export class DataReader {
  /** The findings; the listener's options decide which of them refuse the message. */
  isTooLarge = false;
  hasBareLineEnds = false;
  hasNul = false;
  /** The bytes were not kept, because the message or all messages together were too large. */
  isDropped = false;
  isEightBit = false;
  /** The longest line, without its CRLF and without a stuffed dot. */
  lineBytesMax = 0;
  /** Bytes read, those taken out or dropped included. */
  seenBytes = 0;
  readonly pieces = new Pieces();

  private readonly bytesMax: number;
  private state = LINE_START;
  private lastByte = LF;
  private lineBytes = 0;
  private contentBytes = 0;
  // Offsets in the chunk at hand: the first byte not yet kept, and the next CR.
  private keepFrom = 0;
  private nextCr = -1;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Takes a chunk; answers the offset behind the end of data, or -1 when it is not in here. */
  feed(chunk: Buffer): number {
    const end = this.walk(chunk);
    const read = end === -1 ? chunk : chunk.subarray(0, end);
    this.seenBytes += read.length;
    if (!this.hasNul) this.hasNul = read.indexOf(0) !== -1;
    if (!this.isEightBit) this.isEightBit = !isAscii(read);
    return end;
  }

  /** Forgets the bytes, now and from now on; the end is still looked for. */
  drop(): void {
    this.isDropped = true;
    this.pieces.drop();
  }

  private walk(chunk: Buffer): number {
    const length = chunk.length;
    this.keepFrom = 0;
    this.nextCr = -1;
    if (this.state === WITHIN && this.lastByte === CR && chunk[0] !== LF) {
      this.hasBareLineEnds = true;
    }
    let at = 0;
    while (at < length) {
      at = this.state === WITHIN ? this.walkLine(chunk, at) : this.stepAtLineStart(chunk, at);
      if (this.state === ENDED) return at;
    }
    this.keep(chunk, length);
    if (length > 0) this.lastByte = chunk[length - 1] as number;
    return -1;
  }

  /**
   *     CRLF ── . ── CR ── LF   the end (RFC 5321 section 4.1.1.4)
   *              └─ else        the dot was stuffed, or should have been: it goes (section 4.5.2)
   */
  private stepAtLineStart(chunk: Buffer, at: number): number {
    const byte = chunk[at];
    if (this.state === LINE_START && byte === DOT) {
      this.keep(chunk, at);
      this.keepFrom = at + 1;
      this.state = AFTER_DOT;
      return at + 1;
    }
    if (this.state === AFTER_DOT && byte === CR) {
      this.keepFrom = at + 1;
      this.state = AFTER_DOT_CR;
      return at + 1;
    }
    if (this.state === AFTER_DOT_CR) {
      if (byte === LF) {
        this.state = ENDED;
        return at + 1;
      }
      this.hasBareLineEnds = true;
      this.lineBytes = 1;
      this.add(ONE_CR);
    }
    this.state = WITHIN;
    return at;
  }

  private walkLine(chunk: Buffer, at: number): number {
    const lf = chunk.indexOf(LF, at);
    const upto = lf === -1 ? chunk.length : lf;
    if (this.nextCr < at) {
      const found = chunk.indexOf(CR, at);
      this.nextCr = found === -1 ? chunk.length : found;
    }
    // A CR as the last byte of a chunk is judged when the next chunk comes.
    if (this.nextCr < upto - 1) this.hasBareLineEnds = true;
    if (lf === -1) {
      this.lineBytes += upto - at;
      if (this.lineBytes > this.lineBytesMax + 1) this.lineBytesMax = this.lineBytes - 1;
      return upto;
    }
    const isCrlf = (lf > 0 ? chunk[lf - 1] : this.lastByte) === CR;
    const lineBytes = this.lineBytes + lf - at - (isCrlf ? 1 : 0);
    if (lineBytes > this.lineBytesMax) this.lineBytesMax = lineBytes;
    this.lineBytes = 0;
    if (isCrlf) this.state = LINE_START;
    else this.hasBareLineEnds = true;
    return lf + 1;
  }

  private keep(chunk: Buffer, upto: number): void {
    if (this.keepFrom >= upto) return;
    const isWhole = this.keepFrom === 0 && upto === chunk.length;
    this.add(isWhole ? chunk : chunk.subarray(this.keepFrom, upto));
  }

  private add(piece: Buffer): void {
    this.contentBytes += piece.length;
    if (this.contentBytes > this.bytesMax) {
      this.isTooLarge = true;
      this.drop();
    }
    if (!this.isDropped) this.pieces.add(piece);
  }
}

/** The longest line of a text with canonical line ends, without its CRLF. */
export function measureLongestLine(text: Buffer): number {
  let longest = 0;
  let from = 0;
  while (from < text.length) {
    const lf = text.indexOf(LF, from);
    const end = lf === -1 ? text.length + 1 : lf;
    longest = Math.max(longest, end - from - 1);
    from = end + 1;
  }
  return longest;
}
