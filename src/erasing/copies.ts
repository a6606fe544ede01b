/**
 * What repeats the log elsewhere in a data directory: dead letters of hooks, the index of journeys;
 * and the last look at every file. The one idea: copies are rewritten or dropped, and then the
 * bytes themselves are asked, so that nothing is called gone that is still there.
 * Deliberately unknown here: the log, bodies.
 */
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { writeDurably } from '../events/log-files.ts';
import { openRunFolder } from '../forensics/journey/run-files.ts';
import { JOURNEY_FOLDER } from '../forensics/reading.ts';
import type { Addresses } from './addresses.ts';
import type { Redaction } from './redaction.ts';

const LOOK_BYTES = 1024 * 1024;
/** No written address is longer. */
const OVERLAP_BYTES = 1024;
const DEAD_LETTERS = /\.dead(\.\d+)?\.jsonl$/;

/** True when one of the addresses is in the bytes of a file. */
export const isInFile = (path: string, addresses: Addresses): boolean => {
  const file = openSync(path, 'r');
  const block = Buffer.allocUnsafeSlow(LOOK_BYTES);
  let rest = '';
  try {
    for (;;) {
      const length = readSync(file, block, 0, block.length, null);
      if (length === 0) return false;
      const text = rest + block.toString('latin1', 0, length);
      if (addresses.isInBytes(text)) return true;
      rest = text.slice(-OVERLAP_BYTES);
    }
  } finally {
    closeSync(file);
  }
};

/** Rewrites dead letters about the erased; answers how many. */
export const redactDeadLetters = (dir: string, redaction: Redaction): number => {
  const folder = join(dir, 'hooks');
  if (!existsSync(folder)) return 0;
  let redacted = 0;
  for (const name of readdirSync(folder).filter((one) => DEAD_LETTERS.test(one))) {
    const path = join(folder, name);
    const lines = readFileSync(path, 'utf8').split('\n');
    const kept = lines.map((line) => redactLine(line, redaction));
    const changed = kept.filter((line, index) => line !== lines[index]).length;
    redacted += changed;
    if (changed === 0) continue;
    writeDurably(path, kept.join('\n'));
  }
  return redacted;
};

const redactLine = (line: string, redaction: Redaction): string => {
  try {
    const letter: unknown = JSON.parse(line);
    const kept = redaction.redactCopy(letter);
    return kept === letter ? line : JSON.stringify(kept);
  } catch {
    // A line that a crash cut short.
    return redaction.redactText(line);
  }
};

/** Drops the parts of the index that were made of these records; they are made again. */
export const dropJourneys = (dir: string, positions: readonly number[]): number => {
  const path = join(dir, JOURNEY_FOLDER);
  if (!existsSync(path) || positions.length === 0) return 0;
  const folder = openRunFolder(path);
  const stale = folder
    .load()
    .filter(({ first, last }) => positions.some((one) => one >= first && one <= last));
  for (const run of stale) folder.remove(run);
  return stale.length;
};

/** Files, as named in the data directory, in which an address is still to be read. */
export const findLeft = (
  dir: string,
  addresses: Addresses,
  isSearched: (path: string) => boolean,
): string[] => {
  const left: string[] = [];
  const look = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const facts = lstatSync(path);
      if (facts.isDirectory()) look(path);
      else if (facts.isFile() && !isSearched(path) && isInFile(path, addresses)) {
        left.push(relative(dir, path));
      }
    }
  };
  look(dir);
  return left;
};
