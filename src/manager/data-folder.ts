/**
 * The folder of the data, made with those above it that are missing.
 * The one idea: one folder at a time, because Node's own way of making several never ends where the
 * system says that a place does not exist and cannot be made either, as below /proc.
 * Deliberately unknown here: what lies in the folder.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes the folder, for its owner alone, if it is missing. Throws the system's error. */
export function makeDataFolder(path: string): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) makeOne(folder);
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else made it in the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
