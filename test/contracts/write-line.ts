/**
 * A line on standard output that is out before anything follows from it, also where the reader is
 * slow and the pipe is full. Does not know what is said.
 */
import { writeSync } from 'node:fs';

const PAUSE_MS = 1;
const asleep = new Int32Array(new SharedArrayBuffer(4));

/** Writes a whole line to standard output; waits as long as nobody reads. */
export const writeLine = (line: string): void => {
  let rest = Buffer.from(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(asleep, 0, 0, PAUSE_MS);
    }
  }
};
