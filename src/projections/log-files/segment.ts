/**
 * One segment of local logs on disk: frames are added and flushed; complete, it is read-only.
 * The one idea: what could not be written wholly is cut off again, so a segment never holds a torn
 * frame while somebody writes it; those a crash left are mended by the next start.
 * Deliberately unknown here: records, which segment is for whom, when it is complete.
 */
import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { chmod, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { At } from '../../ports/ports.ts';
import { SEGMENT_NAME, segmentName } from './layout.ts';
import { endOfFrames } from './zstd.ts';

/** Tries for a name nobody has; only clocks that stand still need a second one. */
const NAMES_MAX = 1_000;
const WRITE_BITS = 0o222;

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
      const path = join(dir, segmentName(at, serial, suffix));
      const file = await openNew(path);
      if (file !== undefined) return new Segment(path, file);
    }
    throw new Error(`${dir} has ${NAMES_MAX} segments of one millisecond`);
  }

  /** Adds a frame and flushes it; throws, and leaves nothing of it, where that fails. */
  async add(frame: Uint8Array, plainBytes: number): Promise<void> {
    try {
      await this.#file.write(frame, 0, frame.length, this.#length);
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#length).catch(() => {});
      throw error;
    }
    this.#length += frame.length;
    this.plainBytes += plainBytes;
  }

  /** Completes it: read-only is the sign for those who wait for whole files. */
  async finish(): Promise<void> {
    await makeReadOnly(this.#file);
    await this.#file.close();
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
    if (!entry.isFile() || !SEGMENT_NAME.test(entry.name)) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (await finishOne(path)) finished += 1;
  }
  return finished;
}

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
