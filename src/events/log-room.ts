/**
 * Whether the disk has room for new mail. The last of the space belongs to the outcomes of what was
 * promised already, so intake closes before it is gone: at a low-water mark of free space, and as
 * long as the ballast (space kept by a file, for disks that fill at once) is overboard.
 * Deliberately unknown here: who closes what; turns, SMTP.
 */
import { statfsSync } from 'node:fs';
import { dropBallast, layBallast } from './log-files.ts';

/** Free space must pass the mark by this factor before there is room again: no flapping. */
const REOPEN_FACTOR = 1.25;

/** The room on one data directory's disk. */
export class Room {
  hasRoom = true;
  readonly #dir: string;
  readonly #freeBytesMin: number;

  constructor(dir: string, freeBytesMin: number) {
    this.#dir = dir;
    this.#freeBytesMin = freeBytesMin;
    this.look();
  }

  /** Looks again and lays the ballast where there is room for it; true when the answer changed. */
  look(): boolean {
    const before = this.hasRoom;
    const { bavail, bsize } = statfsSync(this.#dir);
    const floor = this.hasRoom ? this.#freeBytesMin : this.#freeBytesMin * REOPEN_FACTOR;
    // A quota does not show in the free space, but the ballast will not go down.
    this.hasRoom = bavail * bsize >= floor && layBallast(this.#dir);
    return before !== this.hasRoom;
  }

  /** A write found no space: true when the ballast went overboard and the write may be repeated. */
  ranOut(): boolean {
    this.hasRoom = false;
    return dropBallast(this.#dir);
  }
}
