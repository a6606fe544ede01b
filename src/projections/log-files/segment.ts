/**
 * One segment of local logs on disk: frames are added and flushed; complete, it is read-only.
 * The one idea: what could not be written wholly is cut off again, so a segment never holds a torn
 * frame while somebody writes it; those a crash left are mended by the next start.
 * Deliberately unknown here: records, which segment is for whom, when it is complete.
 */
import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { chmod, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import type { At } from '../../ports/ports.ts';
import { SEGMENT_NAME, segmentName } from './layout.ts';
import { endOfFrames } from './zstd.ts';

/** Tries for a name nobody has; only clocks that stand still need a second one. */
const NAMES_MAX = 1_000;
const WRITE_BITS = 0o222;

/** Segments of all loggers that are being written, by path: no start completes those. */
const writing = new Set<string>();

/** A segment that is being written. */
export class Segment {
  readonly path: string;
  readonly #file: FileHandle;
  #length = 0;
  /** Octets before compression. */
  plainBytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Begins a segment under a name of its own. */
  static async begin(dir: string, suffix: string, at: At): Promise<Segment> {
    for (let serial = 0; serial < NAMES_MAX; serial += 1) {
      const path = resolve(dir, segmentName(at, serial, suffix));
      const segment = await Segment.#beginAt(path);
      if (segment !== undefined) return segment;
    }
    throw new Error(`${dir} has ${NAMES_MAX} segments of one millisecond`);
  }

  /** Undefined where there is such a file already. */
  static async #beginAt(path: string): Promise<Segment | undefined> {
    if (writing.has(path)) return undefined;
    writing.add(path);
    let file: FileHandle | undefined;
    try {
      file = await openNew(path);
    } finally {
      if (file === undefined) writing.delete(path);
    }
    return file && new Segment(path, file);
  }

  /** Adds a frame and flushes it; throws, and leaves nothing of it, where that fails. */
  async add(frame: Uint8Array, plainBytes: number): Promise<void> {
    try {
      await this.#write(frame);
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#length).catch(() => {});
      throw error;
    }
    this.#length += frame.length;
    this.plainBytes += plainBytes;
  }

  /** A disk that is nearly full takes a part of it and calls that a success. */
  async #write(frame: Uint8Array): Promise<void> {
    for (let done = 0; done < frame.length; ) {
      const left = frame.length - done;
      const { bytesWritten } = await this.#file.write(frame, done, left, this.#length + done);
      if (bytesWritten === 0) throw new Error(`${this.path} takes no more`);
      done += bytesWritten;
    }
  }

  /** Completes it: read-only is the sign for those who wait for whole files. */
  async finish(): Promise<void> {
    try {
      await makeReadOnly(this.#file);
    } finally {
      writing.delete(this.path);
      await this.#file.close();
    }
  }
}

async function openNew(path: string): Promise<FileHandle | undefined> {
  for (const isSecond of [false, true]) {
    try {
      return await open(path, 'wx', 0o644);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return undefined;
      if (code !== 'ENOENT' || isSecond) throw error;
      await mkdir(dirname(path), { recursive: true });
    }
  }
  return undefined;
}

async function makeReadOnly(file: FileHandle): Promise<void> {
  const { mode } = await file.stat();
  await file.chmod(mode & 0o777 & ~WRITE_BITS);
}

/** Completes segments that a run before left open: cuts off what was torn, makes them read-only. */
export async function finishAbandoned(dir: string): Promise<number> {
  let finished = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    const path = resolve(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile() || !isSegment(dir, path) || writing.has(path)) continue;
    if (await finishOne(path)) finished += 1;
  }
  return finished;
}

/** A suffix may begin with a folder: then it is the folder that is called like a segment. */
const isSegment = (dir: string, path: string): boolean =>
  relative(dir, path)
    .split(sep)
    .some((part) => SEGMENT_NAME.test(part));

async function finishOne(path: string): Promise<boolean> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES' || error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    const { mode, size } = await file.stat();
    if ((mode & WRITE_BITS) === 0) return false;
    const read = async (offset: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    };
    const end = await endOfFrames(read, size);
    if (end < size) await file.truncate(end);
    await file.datasync();
    await chmod(path, mode & 0o777 & ~WRITE_BITS);
    return true;
  } finally {
    await file.close();
  }
}
