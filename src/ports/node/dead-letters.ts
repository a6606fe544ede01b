/**
 * Dead letters of one hook in files: `<folder>/<name>.dead.jsonl`, one JSON object a line, flushed
 * before it is answered for. A full file becomes `<name>.dead.1.jsonl`, and the one that had that
 * name goes; so a receiver that refuses everything cannot fill the disk.
 * Deliberately unknown here: why a record was given up, cursors.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeadLetter, DeadLetters } from '../../projections/shipper/dead-letters.ts';

/** Bytes of one file; there are at most two, and one batch more. */
export const DEAD_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** The file of a hook's dead letters; names that are no file names are written percent-encoded. */
export const deadFileOf = (folder: string, name: string): string =>
  join(folder, `${encodeURIComponent(name)}.dead.jsonl`);

/** The dead letters of a hook, live and replayed; `dropped` hears which file had to go. */
export function openDeadLetters(
  folder: string,
  name: string,
  dropped: (path: string) => void = () => {},
  bytesMax = DEAD_FILE_BYTES_MAX,
): DeadLetters {
  const file = new DeadFile(folder, name, dropped, bytesMax);
  let last = Promise.resolve();
  return {
    bury: (letters, answered) => {
      // One after the other, each from a known end of the file.
      const done = last.then(() => file.append(letters));
      last = done.catch(() => {});
      done.then(
        () => answered(),
        (error: Error) => answered(error.message),
      );
    },
  };
}

class DeadFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #dropped: (path: string) => void;
  readonly #bytesMax: number;

  constructor(folder: string, name: string, dropped: (path: string) => void, bytesMax: number) {
    this.#folder = folder;
    this.#path = deadFileOf(folder, name);
    this.#dropped = dropped;
    this.#bytesMax = bytesMax;
  }

  async append(letters: readonly DeadLetter[]): Promise<void> {
    const text = letters.map((letter) => `${JSON.stringify(lineOf(letter))}\n`).join('');
    await mkdir(this.#folder, { recursive: true });
    await this.#makeRoom(Buffer.byteLength(text));
    const file = await open(this.#path, 'a+');
    try {
      await write(file, text);
    } finally {
      await file.close();
    }
    await syncFolder(this.#folder);
  }

  async #makeRoom(bytes: number): Promise<void> {
    const size = await sizeOf(this.#path);
    if (size === 0 || size + bytes <= this.#bytesMax) return;
    const older = this.#path.replace(/\.jsonl$/, '.1.jsonl');
    if ((await sizeOf(older)) > 0) this.#dropped(older);
    await rename(this.#path, older);
  }
}

const lineOf = ({ at, eventId, position, reason, record }: DeadLetter): object => ({
  at: new Date(at).toISOString(),
  event_id: eventId,
  position,
  reason,
  record,
});

/** Whole or not at all: what was written of a line that failed is taken back. */
async function write(file: FileHandle, text: string): Promise<void> {
  const { size } = await file.stat();
  try {
    // A line that a crash cut short must not swallow the next one.
    const isCut = size > 0 && (await lastByte(file, size)) !== 0x0a;
    await file.appendFile(isCut ? `\n${text}` : text);
    await file.datasync();
  } catch (error) {
    await file.truncate(size).catch(() => {});
    throw error;
  }
}

async function lastByte(file: FileHandle, size: number): Promise<number | undefined> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0];
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
