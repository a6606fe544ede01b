/**
 * A disk that is really small: a tmpfs of the test's own, and files that take its space away.
 * The one idea: the system itself says ENOSPC, so nothing in the program has to be replaced.
 * Deliberately unknown here: mail, daemons.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const PIECE_BYTES_MAX = 1024 * 1024;

/** A mounted disk; `remove` takes it away. */
export interface TinyDisk {
  readonly path: string;
  freeBytes(): number;
  /** Writes a file of the test's own: `bytes` long, or as long as there is any room. */
  lay(name: string, bytes?: number): number;
  lift(name: string): void;
  remove(): void;
}

/** Mounts a disk at `path`; a sentence where this is not permitted. */
export function mountTinyDisk(path: string, options: string): TinyDisk | string {
  mkdirSync(path, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    return `no tmpfs can be mounted here: ${mounted.error?.message ?? mounted.stderr.trim()}`;
  }
  return {
    path,
    freeBytes() {
      const space = statfsSync(path);
      return space.bavail * space.bsize;
    },
    lay: (name, bytes = Number.POSITIVE_INFINITY) => layFile(join(path, name), bytes),
    lift: (name) => rmSync(join(path, name), { force: true }),
    remove() {
      const gone = spawnSync('umount', [path], { encoding: 'utf8' });
      // Somebody may still look at it; the name at least must not stay.
      if (gone.status !== 0) spawnSync('umount', ['-l', path]);
    },
  };
}

/** Writes until `bytes` are there or not one more byte goes in; answers how many went. */
function layFile(path: string, bytes: number): number {
  const fd = openSync(path, 'w');
  const piece = Buffer.alloc(PIECE_BYTES_MAX, 0x5a);
  let written = 0;
  let step = PIECE_BYTES_MAX;
  try {
    while (step >= 1 && written < bytes) {
      try {
        written += writeSync(fd, piece, 0, Math.min(step, bytes - written));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        step = Math.floor(step / 2);
      }
    }
  } finally {
    closeSync(fd);
  }
  return written;
}
