/**
 * Reports as servers write them, composed for these tests after what real ones look like, with
 * names under .test. Knows what a file is called, not what it says.
 */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('./reports/', import.meta.url);

/** Names of the samples, without `.eml`. */
export const SAMPLES: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => name.slice(0, -'.eml'.length))
  .sort();

/** A sample as it crosses the wire: line ends CRLF. */
export const readSample = (name: string): Buffer =>
  Buffer.from(readFileSync(new URL(`${name}.eml`, FOLDER), 'utf8').replaceAll('\n', '\r\n'));
