/**
 * Compression of log files: each batch is one zstd frame, and a file is a row of frames, which
 * every reader of the format takes for one stream (RFC 8878 section 3).
 * The one idea: a whole frame needs nothing that comes after it, so what was flushed can be read.
 * Deliberately unknown here: files, records.
 */
import { Buffer } from 'node:buffer';

const MAGIC = 0xfd2fb528;
/** zstd's own default. */
const LEVEL = 3;

/** Makes a frame of bytes. */
export type Compress = (bytes: Uint8Array) => Uint8Array;

/** Loads the compressor; `level` 0 means the default of zstd. */
export async function loadCompress(level: number): Promise<Compress> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  const zstd = await Zstd.load();
  return (bytes) => {
    const frame = zstd.compress(bytes, level === 0 ? LEVEL : level);
    // The library only prints what went wrong; what it answers then is no frame.
    if (frame.length < 4 || Buffer.from(frame).readUInt32LE(0) !== MAGIC) {
      throw new Error(`zstd could not compress ${bytes.length} octets`);
    }
    return frame;
  };
}

/** Takes compressed bytes as they come and hands on what they hold. */
export interface Decompress {
  /** Throws on damage. A few octets may be kept back until more come. */
  push(bytes: Uint8Array): readonly Uint8Array[];
  /** What was kept back, when nothing more comes; what was cut short is left out. */
  end(): readonly Uint8Array[];
}

/** Loads what makes decompressors, one for each file. */
export async function loadDecompress(): Promise<() => Decompress> {
  const { Decompress: Stream } = await import('fzstd');
  return () => {
    let got: Uint8Array[] = [];
    const stream = new Stream((chunk) => {
      got.push(chunk);
    });
    const take = (): readonly Uint8Array[] => {
      const taken = got;
      got = [];
      return taken;
    };
    return {
      push: (bytes) => {
        stream.push(bytes);
        return take();
      },
      end: () => {
        try {
          stream.push(new Uint8Array(0), true);
        } catch {
          // The last frame has no end: nothing of it can be trusted.
        }
        return take();
      },
    };
  };
}

/** Reads bytes of a file at a place; fewer at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

const isSkippable = (magic: number): boolean => magic >>> 4 === 0x184d2a5;

/** Length of the frame header that begins with these bytes (RFC 8878 section 3.1.1.1). */
function headerLength(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const size = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return 4 + 1 + (isSingle ? 0 : 1) + dictionary + size;
}

/** Where the frame at `offset` ends; undefined when there is no whole one. */
async function endOfFrame(read: ReadAt, offset: number, end: number): Promise<number | undefined> {
  const head = await read(offset, 8);
  if (head.length < 8) return undefined;
  const magic = head.readUInt32LE(0);
  if (isSkippable(magic)) {
    const after = offset + 8 + head.readUInt32LE(4);
    return after <= end ? after : undefined;
  }
  const descriptor = head[4] ?? 0;
  if (magic !== MAGIC) return undefined;
  let at = offset + headerLength(descriptor);
  for (;;) {
    const block = await read(at, 3);
    if (block.length < 3) return undefined;
    const bits = block.readUIntLE(0, 3);
    const isRun = ((bits >> 1) & 3) === 1;
    at += 3 + (isRun ? 1 : bits >> 3);
    if ((bits & 1) === 1) break;
  }
  at += (descriptor & 4) !== 0 ? 4 : 0;
  return at <= end ? at : undefined;
}

/** Where the last whole frame of a file of `size` octets ends: what follows was torn. */
export async function endOfFrames(read: ReadAt, size: number): Promise<number> {
  let at = 0;
  while (at < size) {
    const next = await endOfFrame(read, at, size);
    if (next === undefined) break;
    at = next;
  }
  return at;
}
