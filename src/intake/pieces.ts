/**
 * Collects the bytes of one message as the socket delivers them, without copying the common case.
 * The one idea: large pieces are kept as they are; once there are several, small ones are copied
 * into slabs, so a client that drips bytes cannot turn a message into millions of objects.
 * It does not know what the bytes are.
 */

const PIECES_PLAIN_MAX = 8;
const PIECE_SMALL_BYTES = 2048;
const SLAB_BYTES = 16 * 1024;

/** An append-only list of byte ranges. */
export class Pieces {
  bytes = 0;
  private list: Buffer[] = [];
  private slab: Buffer | undefined;
  private slabBytes = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    if (this.list.length < PIECES_PLAIN_MAX || piece.length >= PIECE_SMALL_BYTES) {
      this.seal();
      this.list.push(piece);
      return;
    }
    if (this.slab !== undefined && this.slabBytes + piece.length > SLAB_BYTES) this.seal();
    this.slab ??= Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.slabBytes += piece.copy(this.slab, this.slabBytes);
  }

  /** Hands everything over, in order, and starts anew. */
  take(): Buffer[] {
    this.seal();
    const list = this.list;
    this.drop();
    return list;
  }

  drop(): void {
    this.list = [];
    this.slab = undefined;
    this.slabBytes = 0;
    this.bytes = 0;
  }

  private seal(): void {
    if (this.slab !== undefined) this.list.push(this.slab.subarray(0, this.slabBytes));
    this.slab = undefined;
    this.slabBytes = 0;
  }
}
