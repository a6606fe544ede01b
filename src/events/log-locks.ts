/**
 * Files that SQLite has open in this process. The one idea: POSIX drops all locks a process has on
 * a file when it closes any descriptor of it, so a plain read of an open database would let others
 * believe nobody is there, and they would delete its write-ahead log. Such descriptors stay open
 * until SQLite itself is done. Deliberately unknown here: what the files hold.
 */
import { closeSync } from 'node:fs';

const held = new Map<string, number[]>();

/** SQLite opens `path` for writing from here on. */
export const holdFile = (path: string): void => {
  if (!held.has(path)) held.set(path, []);
};

/** SQLite has closed `path`: what waited is closed. */
export const letGoOfFile = (path: string): void => {
  const waiting = held.get(path) ?? [];
  held.delete(path);
  for (const file of waiting) closeSync(file);
};

/** Closes a plain descriptor of `path`, at once or when SQLite is done with the file. */
export const closePlain = (path: string, file: number): void => {
  const waiting = held.get(path);
  if (waiting === undefined) closeSync(file);
  else waiting.push(file);
};
