/**
 * The lines of one segment, as far as they are on the disk, also while somebody still writes it.
 * The one idea: read-only means complete: before that an end is only an end for now.
 * Deliberately unknown here: which segments there are, what the lines say.
 */
import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Decompress } from './zstd.ts';

const READ_BYTES = 256 * 1024;
const WRITE_BITS = 0o222;
const LINE_END = 0x0a;

/** What a look at the segment gave. */
export type LinesRead =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  /** Nothing more just now. */
  | { readonly kind: 'idle' }
  /** Nothing more, ever; a line that was cut short is left out. */
  | { readonly kind: 'done' };

/** Reads a segment from its beginning on. */
export class SegmentLines {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #decompress: Decompress;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);
  #hasEnded = false;

  private constructor(path: string, file: FileHandle, decompress: Decompress) {
    this.path = path;
    this.#file = file;
    this.#decompress = decompress;
  }

  static async open(path: string, decompress: Decompress): Promise<SegmentLines> {
    return new SegmentLines(path, await open(path, 'r'), decompress);
  }

  /** The next lines there are; throws where the bytes are no zstd. */
  async next(): Promise<LinesRead> {
    for (;;) {
      // Asked before reading: what was written until it became read-only is then read.
      const isComplete = ((await this.#file.stat()).mode & WRITE_BITS) === 0;
      const bytes = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await this.#file.read(bytes, 0, READ_BYTES, this.#offset);
      if (bytesRead === 0) return isComplete ? this.#end() : { kind: 'idle' };
      this.#offset += bytesRead;
      const lines = this.#split(this.#decompress.push(bytes.subarray(0, bytesRead)));
      if (lines.length > 0) return { kind: 'lines', lines };
    }
  }

  #end(): LinesRead {
    const lines = this.#hasEnded ? [] : this.#split(this.#decompress.end());
    this.#hasEnded = true;
    return lines.length > 0 ? { kind: 'lines', lines } : { kind: 'done' };
  }

  #split(chunks: readonly Uint8Array[]): string[] {
    const all = Buffer.concat([this.#rest, ...chunks]);
    const end = all.lastIndexOf(LINE_END);
    this.#rest = all.subarray(end + 1);
    if (end < 0) return [];
    return all.toString('utf8', 0, end).split('\n');
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
