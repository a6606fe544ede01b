/**
 * The files of a simulation: traffic as a stream of lines, models as text, and the page.
 * Knows nothing of what stands in them.
 */
import { open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { linesOf } from '../manager/traffic-lines.ts';
import { TrafficError } from '../testing/testing.ts';
import { CommandFailure, explain } from './terminal.ts';

const MODELS_BYTES_MAX = 64 * 1024 * 1024;

const failed = (file: string, error: unknown): CommandFailure =>
  error instanceof CommandFailure ? error : new CommandFailure(`${file}: ${explain(error)}`);

/** The lines of a file of traffic; a file that cannot be read ends the command. */
export async function* openTraffic(file: string): AsyncGenerator<string, void> {
  try {
    yield* linesOf(file);
  } catch (error) {
    throw error instanceof TrafficError ? error : failed(file, error);
  }
}

/** The text of a models file. */
export async function readModelsText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MODELS_BYTES_MAX) {
      throw new CommandFailure(`${file}: has ${size} octets; ${MODELS_BYTES_MAX} is the most`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    throw failed(file, error);
  }
}

/** Finds out before the work whether a file can be written; leaves no file where there was none. */
export async function proveWritable(file: string): Promise<void> {
  try {
    const handle = await open(file, 'wx').catch(() => undefined);
    if (handle === undefined) await (await open(file, 'r+')).close();
    else {
      await handle.close();
      await rm(file);
    }
  } catch (error) {
    throw failed(file, error);
  }
}

/** Writes a file whole, or leaves what was there. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const isOrdinary = await stat(file).then(
    (found) => found.isFile(),
    () => true,
  );
  // A pipe or a device takes what it is given, and cannot be replaced.
  const draft = isOrdinary ? `${await realpath(file).catch(() => file)}.${process.pid}.part` : file;
  try {
    await writeFile(draft, text);
    if (draft !== file) await rename(draft, await realpath(file).catch(() => file));
  } catch (error) {
    if (draft !== file) await rm(draft, { force: true }).catch(() => undefined);
    throw failed(file, error);
  }
}
