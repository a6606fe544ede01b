/**
 * The files of a simulation: traffic as a stream of lines of a bounded length, models as text.
 * Knows nothing of what stands in them.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { CommandFailure, explain } from './terminal.ts';

const LINE_CHARS_MAX = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const MODELS_BYTES_MAX = 64 * 1024 * 1024;

const failed = (file: string, error: unknown): CommandFailure =>
  error instanceof CommandFailure ? error : new CommandFailure(`${file}: ${explain(error)}`);

/** The lines of a file, without their ends. */
export async function* linesOf(file: string): AsyncGenerator<string, void> {
  let rest = '';
  try {
    const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: CHUNK_BYTES });
    for await (const chunk of stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > LINE_CHARS_MAX) {
        const problem = `has a line of more than ${LINE_CHARS_MAX} characters`;
        throw new CommandFailure(`${file}: ${problem}; write one JSON object on each line`);
      }
    }
  } catch (error) {
    throw failed(file, error);
  }
  if (rest !== '') yield rest;
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
