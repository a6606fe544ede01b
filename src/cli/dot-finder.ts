/**
 * Finds the lone dot that ends a message in a stream cut at any byte, by searching whole chunks; it
 * remembers only the last four bytes, because the five bytes looked for may lie across two chunks:
 *
 *     ... x CR LF | . CR LF ...       the seam holds four bytes of either side
 *
 * Knows nothing of conversations.
 */

const END_OF_MESSAGE = Buffer.from('\r\n.\r\n');
const KEPT = END_OF_MESSAGE.length - 1;
/** Shared by all finders: it is filled and searched within one call. */
const seam = Buffer.alloc(2 * KEPT);

/** Looks for the end of one message after the other. */
export class DotFinder {
  private readonly tail = Buffer.alloc(KEPT);
  private tailBytes = 0;

  /** A new message begins: its first line may be the dot, as if a CRLF had come before. */
  begin(): void {
    this.tail[0] = 13;
    this.tail[1] = 10;
    this.tailBytes = 2;
  }

  /** Offset just behind the end of the message in `chunk`, looking from `at`; -1 when not there. */
  find(chunk: Buffer, at: number): number {
    const before = this.tail.copy(seam, 0, 0, this.tailBytes);
    const after = chunk.copy(seam, before, at, at + KEPT);
    const across = seam.subarray(0, before + after).indexOf(END_OF_MESSAGE);
    if (across >= 0 && across < before) return at + across + END_OF_MESSAGE.length - before;
    const found = chunk.indexOf(END_OF_MESSAGE, at);
    if (found >= 0) return found + END_OF_MESSAGE.length;
    this.keepTail(chunk, at);
    return -1;
  }

  private keepTail(chunk: Buffer, at: number): void {
    const fresh = Math.min(KEPT, chunk.length - at);
    const kept = Math.min(KEPT - fresh, this.tailBytes);
    this.tail.copy(this.tail, 0, this.tailBytes - kept, this.tailBytes);
    chunk.copy(this.tail, kept, chunk.length - fresh);
    this.tailBytes = kept + fresh;
  }
}
