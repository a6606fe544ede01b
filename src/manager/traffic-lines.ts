/**
 * The lines of a file of traffic, as a stream and each of a bounded length, so that a file may be
 * larger than memory. Knows nothing of what stands in them.
 */
import { createReadStream } from 'node:fs';
import { TrafficError } from '../testing/testing.ts';

const LINE_CHARS_MAX = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const BYTE_ORDER_MARK = '\ufeff';

/** The lines, without their ends, and without the mark that some editors begin a file with. */
export async function* linesOf(file: string): AsyncGenerator<string, void> {
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: CHUNK_BYTES });
  let rest: string | undefined;
  let line = 1;
  for await (const chunk of stream as AsyncIterable<string>) {
    const begun = rest === undefined && chunk.startsWith(BYTE_ORDER_MARK) ? chunk.slice(1) : chunk;
    const lines = ((rest ?? '') + begun).split('\n');
    rest = lines.pop() ?? '';
    line += lines.length;
    yield* lines;
    if (rest.length > LINE_CHARS_MAX) {
      const problem = `is longer than ${LINE_CHARS_MAX} characters`;
      throw new TrafficError([`${file}:${line}: ${problem}; write one JSON object on each line`]);
    }
  }
  if (rest !== undefined && rest !== '') yield rest;
}
